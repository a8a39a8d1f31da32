"""Errors of a committee against its spread."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tutti.benchmark.forcefields.committee import spreads
from tutti.core.structures import Structures
from tutti.figures import INK, legend, line_styles, new_figure, nothing, shown
from tutti.figures.palette import MIDDLE
from tutti.statistics import calibration

MOST = 3000
"""Points of a panel, evenly spaced among all."""
SAME = {"color": INK, "linewidth": 0.8, "linestyle": "-"}
SCALED = {"color": INK, "linewidth": 0.9, "linestyle": (0, (4, 2))}


def draw(reference: Structures, committees: Mapping[str, Sequence[Structures]], stem: Path) -> None:
    """Draw a column of panels per model: energies by structure, forces by atom, on logarithmic axes.

    Args:
        reference: the structures with their known values.
        committees: the same structures with the values of each seed, by the model's label.
        stem: the figure's path without suffix.
    """
    if not (len(reference) and committees):
        nothing(stem, "no structures to compare")
        return
    found = {label: spreads(reference, members) for label, members in committees.items()}
    styles, n_rows = line_styles(list(found), set()), max(map(len, found.values()))
    with new_figure(stem, 0.4 + 2.5 * len(found), 0.5 + 2.4 * n_rows) as figure:
        axes = figure.subplots(n_rows, len(found), squeeze=False)
        for column, (label, kinds) in zip(axes.T, found.items(), strict=True):
            for panel, (kind, spread) in zip(column, kinds.items(), strict=True):
                points = spread.by_atom if kind == "forces" else (spread.values, np.abs(spread.errors))
                factor = calibration.factor(spread.values, spread.errors)
                _panel(panel, *points, factor, MIDDLE.get(colour := styles[label]["color"], colour))
                what = "energy" if kind == "energy" else "force on an atom"
                panel.set_xlabel(f"spread of the {what} ({spread.unit})")
                panel.set_ylabel(f"error ({spread.unit})")
            column[0].set_title(shown(label))
        handles = [Line2D([], [], label="error = spread", **SAME)]
        legend(figure, [*handles, Line2D([], [], label="error = factor · spread", **SCALED)])


def _panel(axes: Axes, spread: np.ndarray, error: np.ndarray, factor: float, colour: str) -> None:
    correlation = calibration.rank_correlation(spread, error)
    kept = np.flatnonzero((spread > 0) & (error > 0) & np.isfinite(spread) & np.isfinite(error))
    kept = kept[np.linspace(0, len(kept) - 1, min(MOST, len(kept))).astype(int)]
    axes.plot(spread[kept], error[kept], ".", color=colour, markersize=2.5, alpha=0.5, rasterized=True)
    if not len(kept):
        axes.text(0.5, 0.5, "no spread, or no error", transform=axes.transAxes, ha="center", va="center")
        return
    axes.set(xscale="log", yscale="log")
    ends = np.array([spread[kept].min(), spread[kept].max()])
    axes.plot(ends, ends, **SAME)
    axes.plot(ends, factor * ends, **SCALED)
    axes.set_ylim(*np.quantile(error[kept], [0.002, 1.0]) * [0.7, 1.4])
    numbers = f"rank correlation {correlation:.2f}\nfactor {factor:.2f}"
    axes.text(0.04, 0.97, numbers, transform=axes.transAxes, va="top")
