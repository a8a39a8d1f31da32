"""Histograms of generated molecules against the data."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from tutti.core.structures import Structures
from tutti.figures import AREA, INK, colours, legend, line_styles, new_figure, nothing, patches, shown
from tutti.statistics.observations import Observations, most_frequent

BOND_TYPES = 10
COLUMNS = 5
LEAST_WIDTH, MOST_WIDTH, MOST_BINS = 0.004, 0.02, 50  # of a bin, Å
QUANTILES, MARGIN, LEAST_MARGIN = (0.5, 99.5), 0.5, 0.03  # of the axis: %, of the range between them, Å
TALLEST = 2.0  # times the reference's peak, at which a model's is cut off
LINE = 0.16  # height of a line of numbers, inches


def bond_lengths(samples: Mapping[str, Mapping[str, Observations]], stem: Path) -> None:
    """Draw bond-length densities of the 10 most frequent bond types of the reference, one panel each.

    The axes are the reference's: its central 99 % with a margin, up to twice its peak, where others are cut.
    Above the curves stand how many bonds there are and, where it is not 0, the share outside the axis.

    Args:
        samples: by label, the bond lengths (values [n, 1], Å) by bond type, `C-O:2.0` for example. The first
            entry is the reference.
        stem: the figure's path without suffix.

    Raises:
        ValueError: when there are more labels than colours.
    """
    reference = next(iter(samples))
    found = {key: observed for key, observed in samples[reference].items() if len(observed)}
    if not found:
        nothing(stem, f"{shown(reference)}: no bond in any valid molecule")
        return
    types = most_frequent(found, BOND_TYPES)
    n_columns = min(COLUMNS, len(types))
    n_rows = -(-len(types) // n_columns)
    with new_figure(stem, 0.8 + 1.75 * n_columns, 0.7 + (1.45 + LINE * len(samples)) * n_rows) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel, key in zip(axes.flat, types, strict=False):
            _densities(panel, {label: _lengths(of_type.get(key)) for label, of_type in samples.items()})
            panel.set_title(_pretty(key))
        for panel in axes.flat[len(types) :]:
            panel.set_axis_off()
        for panel in axes.flat[: len(types)]:
            panel.set_xlabel("length (Å)")
        for panel in axes[:, 0]:
            panel.set_ylabel("density", loc="bottom")
        legend(figure, patches({label: _named(label, of_type) for label, of_type in samples.items()}))


def atom_counts(samples: Mapping[str, Structures], stem: Path) -> None:
    """Draw the distributions of atoms per molecule, in percent. The first entry is the reference, an area."""
    if not any(map(len, samples.values())):
        nothing(stem, "no samples")
        return
    counts = {label: Counter(structures.n_atoms.tolist()) for label, structures in samples.items()}
    sizes = range(min(set().union(*counts.values())), max(set().union(*counts.values())) + 1)
    shares = {
        label: 100 * np.array([counter[size] for size in sizes]) / max(counter.total(), 1)
        for label, counter in counts.items()
    }
    reference, *models = samples
    styles = line_styles(models, set())
    with new_figure(stem, 6.6, 3.0) as figure:
        axes = figure.subplots()
        edges = np.arange(sizes[0], sizes[-1] + 2) - 0.5
        axes.stairs(shares[reference], edges, fill=True, **AREA)
        for label in models:
            axes.plot(sizes, shares[label], **styles[label], markersize=3.5, linewidth=1.2)
        axes.set(xlabel="atoms per molecule", ylabel="share of the samples (%)", xlim=(edges[0], edges[-1]))
        axes.set_ylim(0, None)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        handles = [Line2D([], [], label=shown(label), markersize=4, **styles[label]) for label in models]
        legend(figure, [Patch(label=shown(reference), **AREA), *handles])


def _lengths(observed: Observations | None) -> np.ndarray:
    return np.empty(0) if observed is None else observed.values[:, 0]


def _named(label: str, observed: Mapping[str, Observations]) -> str:
    """The label with the number of molecules, which need not be the same for all."""
    n = next((observations.n_molecules for observations in observed.values()), 0)
    return f"{shown(label)}, {n:,} molecules" if n else f"{shown(label)}, no bonds"


def _densities(axes: Axes, lengths: Mapping[str, np.ndarray]) -> None:
    """Densities of one bond type over common bins; bonds off the axis are counted in the density."""
    reference = next(iter(lengths))
    low, high = _ends(lengths[reference])
    quartiles = np.percentile(lengths[reference], [25, 75])
    # Freedman and Diaconis (1981), within bounds: relaxed geometries have very narrow peaks.
    width = 2 * np.ptp(quartiles) / len(lengths[reference]) ** (1 / 3)
    width = np.clip(width, max((high - low) / MOST_BINS, LEAST_WIDTH), MOST_WIDTH)
    edges = np.linspace(low, high, 1 + int(np.ceil((high - low) / width)))
    palette = colours(list(lengths))
    peaks = {}
    for label, values in lengths.items():
        density = np.histogram(values, edges)[0] / (max(len(values), 1) * np.diff(edges))
        peaks[label] = density.max()
        look = AREA | {"fill": True} if label == reference else {"color": palette[label]}
        if len(values):
            axes.stairs(np.minimum(density, TALLEST * peaks[reference]), edges, **look)
    axes.set_xlim(low, high)
    tallest = min(max(peaks.values()), TALLEST * peaks[reference])
    head = LINE * len(lengths) / (1.25 + LINE * len(lengths))
    axes.set_ylim(0, 1.04 * tallest / (1 - head))
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    for i, (label, values) in enumerate(lengths.items()):
        axes.text(
            1, 1 - head * i / len(lengths), _numbers(values, low, high), ha="right", va="top", size=7,
            color=INK if label == reference else palette[label], transform=axes.transAxes,
        )  # fmt: skip


def _ends(reference: np.ndarray) -> tuple[float, float]:
    """Of the axis, which no model's outliers stretch."""
    low, high = np.percentile(reference, QUANTILES)
    margin = max(MARGIN * (high - low), LEAST_MARGIN)
    return low - margin, high + margin


def _numbers(values: np.ndarray, low: float, high: float) -> str:
    """How many bonds there are, and the share outside the axis."""
    outside = np.mean((values < low) | (values > high)) if len(values) else 0.0
    share = f"{100 * outside:.0f}" if outside >= 0.01 else "< 1"
    return f"n = {len(values):,}" + (f", {share} % outside" if outside else "")


def _pretty(key: str) -> str:
    """`C-O:2.0` as `C=O`; aromatic bonds are `C:O`."""
    pair, order = key.split(":")
    return pair.replace("-", {"1.0": "–", "1.5": ":", "2.0": "=", "3.0": "≡"}[order])
