"""Histograms of generated molecules against the data."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tutti.core.structures import Structures
from tutti.figures import INK, colours, legend, new_figure, nothing, patches, shown
from tutti.statistics.observations import Observations, most_frequent

BOND_TYPES = 10
COLUMNS = 5
LEAST_WIDTH, MOST_WIDTH, MOST_BINS = 0.004, 0.02, 50  # of a bin, Å


def bond_lengths(samples: Mapping[str, Mapping[str, Observations]], stem: Path) -> None:
    """Draw bond-length densities of the 10 most frequent bond types of the reference, one panel each.

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
    with new_figure(stem, 0.8 + 1.75 * n_columns, 0.7 + 1.55 * n_rows) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel, key in zip(axes.flat, types, strict=False):
            _densities(panel, {label: _lengths(of_type.get(key)) for label, of_type in samples.items()})
            panel.set_title(_pretty(key))
        for panel in axes.flat[len(types) :]:
            panel.set_axis_off()
        for panel in axes.flat[max(0, len(types) - n_columns) : len(types)]:
            panel.set_xlabel("length (Å)")
        legend(figure, patches({label: _named(label, of_type) for label, of_type in samples.items()}))


def atom_counts(samples: Mapping[str, Structures], stem: Path) -> None:
    """Draw histograms of atoms per molecule and of elements, in percent. The first entry is the reference."""
    if not any(map(len, samples.values())):
        nothing(stem, "no samples")
        return
    sizes = {label: Counter(structures.n_atoms.tolist()) for label, structures in samples.items()}
    elements = {label: Counter(structures.numbers.tolist()) for label, structures in samples.items()}
    sizes_shown = range(min(set().union(*sizes.values())), max(set().union(*sizes.values())) + 1)
    elements_shown = sorted(set().union(*elements.values()))
    with new_figure(stem, 7.6, 2.7) as figure:
        left, right = figure.subplots(1, 2, width_ratios=[2, 1])
        _bars(left, sizes, sizes_shown, sizes_shown)
        left.set(title="atoms per molecule (% of molecules)", xlabel="atoms")
        places = range(len(elements_shown))
        _bars(right, elements, elements_shown, places)
        right.set_xticks(places, [chemical_symbols[number] for number in elements_shown])
        right.set(title="elements (% of atoms)", xlabel="element")
        legend(figure, patches({label: shown(label) for label in samples}))


def _lengths(observed: Observations | None) -> np.ndarray:
    return np.empty(0) if observed is None else observed.values[:, 0]


def _named(label: str, observed: Mapping[str, Observations]) -> str:
    """The label with the number of molecules, which need not be the same for all."""
    n = next((observations.n_molecules for observations in observed.values()), 0)
    return f"{shown(label)}, {n:,} molecules" if n else f"{shown(label)}, no bonds"


def _densities(axes: Axes, lengths: Mapping[str, np.ndarray]) -> None:
    """Densities of one bond type over common bins; bonds off the axis are counted in the density."""
    reference = next(iter(lengths))
    pooled = np.concatenate(list(lengths.values()))
    low, high = np.percentile(pooled, [0.5, 99.5])
    quartiles = np.percentile(lengths[reference], [25, 75])
    # Freedman and Diaconis (1981), within bounds: relaxed geometries have very narrow peaks.
    width = 2 * np.ptp(quartiles) / len(lengths[reference]) ** (1 / 3)
    width = np.clip(width, max((high - low) / MOST_BINS, LEAST_WIDTH), MOST_WIDTH)
    edges = np.arange(low - 3 * width, high + 4 * width, width)
    palette = colours(list(lengths))
    for label, values in lengths.items():
        if len(values):
            density = np.histogram(values, edges)[0] / (len(values) * width)
            axes.stairs(density, edges, color=palette[label], fill=label == reference)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, axes.dataLim.y1 * (1.05 + 0.1 * len(lengths)))  # room for the counts
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    for i, (label, values) in enumerate(lengths.items()):
        text, colour = (
            (f"n = {len(values):,}", INK) if label == reference else (f"{len(values):,}", palette[label])
        )
        axes.text(
            1, 0.97 - 0.12 * i, text, color=colour, transform=axes.transAxes, ha="right", va="top", size=7
        )


def _bars(axes: Axes, counts: Mapping[str, Counter], keys: Sequence[int], places: Sequence[int]) -> None:
    """Percentages of the keys, side by side around their places."""
    palette = colours(list(counts))
    width = 0.86 / len(counts)
    for i, (label, counter) in enumerate(counts.items()):
        heights = 100 * np.array([counter[key] for key in keys]) / max(counter.total(), 1)
        offset = (i - (len(counts) - 1) / 2) * width
        axes.bar(np.array(places) + offset, heights, width, color=palette[label])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")


def _pretty(key: str) -> str:
    """`C-O:2.0` as `C=O`; aromatic bonds are `C:O`."""
    pair, order = key.split(":")
    return pair.replace("-", {"1.0": "–", "1.5": ":", "2.0": "=", "3.0": "≡"}[order])
