"""Histograms of generated molecules against the data."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from tutti.core.structures import Structures
from tutti.figures import AREA, INK, colours, legend, line_styles, new_figure, nothing, patches, shown
from tutti.statistics.observations import Observations, most_frequent

TYPES = 10
COLUMNS = 5
MOST_BINS = 50
QUANTILES, MARGIN = (0.5, 99.5), 0.5  # of the axis: %, of the range between them
TALLEST = 2.0  # times the reference's peak, at which a model's is cut off
LEAST = 50  # numbers of a model in a panel: histograms of fewer are noise
LINE = 0.16  # height of a line of numbers, inches


@dataclass(frozen=True)
class Look:
    """How the distributions of one kind of numbers are drawn.

    Attributes:
        xlabel: of the axes.
        things: what the numbers are of, in the plural.
        widths: the least and the largest of a bin, in the numbers' unit.
        margin: the least beside the reference's central 99 %, in that unit.
        limits: between which all numbers lie.
    """

    xlabel: str
    things: str
    widths: tuple[float, float]
    margin: float
    limits: tuple[float, float]


LENGTHS = Look("length (Å)", "bonds", (0.004, 0.02), 0.03, (0, np.inf))
ANGLES = Look("angle (degrees)", "bond angles", (0.4, 4.0), 3.0, (0, 180))
TORSIONS = Look("torsion (degrees)", "torsions", (2.0, 6.0), 10.0, (0, 180))


def coordinates(samples: Mapping[str, Mapping[str, Observations]], stem: Path, look: Look) -> None:
    """Draw the densities of the 10 most frequent types of the reference, one panel each.

    The axes are the reference's: its central 99 % with a margin, up to twice its peak, where others are cut.
    Above the curves stand how many numbers there are and, where it is not 0, the share outside the axis. Of
    less than `LEAST` numbers no curve is drawn, unless they are the reference's.

    Args:
        samples: by label, numbers (values [n, 1]) by type, `C-O:2.0` or `C-C-O:1.0,2.0` for example. The
            first entry is the reference.
        stem: the figure's path without suffix.
        look: what the numbers are.

    Raises:
        ValueError: when there are more labels than colours.
    """
    reference = next(iter(samples))
    found = {key: observed for key, observed in samples[reference].items() if len(observed)}
    if not found:
        nothing(stem, f"{shown(reference)}: no {look.things} in any valid molecule")
        return
    types = most_frequent(found, TYPES)
    n_columns = min(COLUMNS, len(types))
    n_rows = -(-len(types) // n_columns)
    with new_figure(stem, 0.8 + 1.75 * n_columns, 0.7 + (1.45 + LINE * len(samples)) * n_rows) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel, key in zip(axes.flat, types, strict=False):
            numbers = {label: _numbers_of(of_type.get(key)) for label, of_type in samples.items()}
            _densities(panel, numbers, look)
            panel.set_title(_pretty(key))
        for panel in axes.flat[len(types) :]:
            panel.set_axis_off()
        for panel in axes.flat[: len(types)]:
            panel.set_xlabel(look.xlabel)
        for panel in axes[:, 0]:
            panel.set_ylabel("density", loc="bottom")
        handles = patches({label: _named(label, of_type, look) for label, of_type in samples.items()})
        _, *models = samples.values()
        if any(0 < len(_numbers_of(of_type.get(key))) < LEAST for of_type in models for key in types):
            handles.append(Line2D([], [], linestyle="", label=f"no line where n < {LEAST}"))
        legend(figure, handles)


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


def _numbers_of(observed: Observations | None) -> np.ndarray:
    return np.empty(0) if observed is None else observed.values[:, 0]


def _named(label: str, observed: Mapping[str, Observations], look: Look) -> str:
    """The label with the number of molecules, which need not be the same for all."""
    n = next((observations.n_molecules for observations in observed.values()), 0)
    return f"{shown(label)}, {n:,} molecules" if n else f"{shown(label)}, no {look.things}"


def _densities(axes: Axes, numbers: Mapping[str, np.ndarray], look: Look) -> None:
    """Densities of one type over common bins; numbers off the axis are counted in the density."""
    reference = next(iter(numbers))
    low, high = _ends(numbers[reference], look)
    quartiles = np.percentile(numbers[reference], [25, 75])
    # Freedman and Diaconis (1981), within bounds: relaxed geometries have very narrow peaks.
    width = 2 * np.ptp(quartiles) / len(numbers[reference]) ** (1 / 3)
    width = np.clip(width, max((high - low) / MOST_BINS, look.widths[0]), look.widths[1])
    edges = np.linspace(low, high, 1 + int(np.ceil((high - low) / width)))
    palette = colours(list(numbers))
    peaks = {}
    drawn = {label: each for label, each in numbers.items() if label == reference or len(each) >= LEAST}
    for label, values in drawn.items():
        density = np.histogram(values, edges)[0] / (len(values) * np.diff(edges))
        peaks[label] = density.max()
        look = AREA | {"fill": True} if label == reference else {"color": palette[label]}
        axes.stairs(np.minimum(density, TALLEST * peaks[reference]), edges, **look)
    axes.set_xlim(low, high)
    tallest = min(max(peaks.values()), TALLEST * peaks[reference])
    head = LINE * len(numbers) / (1.25 + LINE * len(numbers))
    axes.set_ylim(0, 1.04 * tallest / (1 - head))
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    for i, (label, values) in enumerate(numbers.items()):
        axes.text(
            1, 1 - head * i / len(numbers), _numbers(values, low, high), ha="right", va="top", size=7,
            color=INK if label == reference else palette[label], transform=axes.transAxes,
        )  # fmt: skip


def _ends(reference: np.ndarray, look: Look) -> tuple[float, float]:
    """Of the axis, which no model's outliers stretch."""
    low, high = np.percentile(reference, QUANTILES)
    margin = max(MARGIN * (high - low), look.margin)
    return max(low - margin, look.limits[0]), min(high + margin, look.limits[1])


def _numbers(values: np.ndarray, low: float, high: float) -> str:
    """How many numbers there are, and the share outside the axis."""
    outside = np.mean((values < low) | (values > high)) if len(values) else 0.0
    share = f"{100 * outside:.0f}" if outside >= 0.01 else "< 1"
    return f"n = {len(values):,}" + (f", {share} % outside" if outside else "")


def _pretty(key: str) -> str:
    """`C-O:2.0` as `C=O`; aromatic bonds are `C:O`."""
    atoms, orders = (part.split(sign) for part, sign in zip(key.split(":"), "-,", strict=True))
    bonds = [{"1.0": "–", "1.5": ":", "2.0": "=", "3.0": "≡"}[order] for order in orders]
    return "".join(map("".join, zip(atoms, [*bonds, ""], strict=True)))
