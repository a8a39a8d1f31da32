"""How often elements, ring sizes or other kinds occur, on a logarithmic scale."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator

from tutti.figures import CONTROL, FAINT, REFERENCE, legend, line_styles, new_figure, nothing, shown
from tutti.statistics.wilson import wilson

WIDTH = 0.8  # of what belongs to one kind, which stand 1 apart
LEVEL = {"color": CONTROL, "linewidth": 1.6}


def draw(counts: Mapping[str, Mapping[str, int]], stem: Path, xlabel: str, ylabel: str) -> None:
    """Draw the share of each kind: the reference as a level, the models as points, with 95 % intervals.

    Intervals are Wilson's and take what is counted as independent. A kind that a label lacks has no place on
    a logarithmic axis: it is a 0 at its foot. Nor have bars, which would begin nowhere.

    Args:
        counts: by label, how often each kind occurs. The first entry is the reference. Kinds that are all
            whole numbers stand in ascending order, others by their frequency in the reference.
        stem: the figure's path without suffix.
        xlabel: what the kinds are.
        ylabel: what the shares are of, with its unit.

    Raises:
        ValueError: when a count is negative, or there are more labels than colours.
    """
    kinds = _ordered(counts)
    shares = {label: _shares(of_kind, kinds) for label, of_kind in counts.items()}
    found = np.concatenate([values[values[:, 0] > 0] for values in shares.values()])
    if len(found) == 0:
        nothing(stem, f"{xlabel}: none in any valid molecule")
        return
    foot = 10 ** np.floor(np.log10(found[:, 0].min()) - 0.5)
    with new_figure(stem, max(3.4, 1.4 + len(kinds) * (0.25 + 0.14 * len(counts))), 3.0) as figure:
        axes = figure.subplots()
        axes.set_yscale("log")
        axes.set_ylim(foot, 1.5)
        reference, *models = counts
        styles = line_styles(models, set())
        _levels(axes, shares[reference], foot)
        for k, label in enumerate(models):
            place = (k - (len(models) - 1) / 2) * WIDTH / max(len(models), 1)
            _points(axes, place, shares[label], styles[label], foot)
        axes.set_xticks(range(len(kinds)), kinds)
        axes.set(xlim=(-0.6, len(kinds) - 0.4), xlabel=xlabel, ylabel=ylabel)
        axes.tick_params(axis="x", length=0)
        axes.yaxis.set_major_locator(LogLocator(numticks=12))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))
        axes.grid(axis="y")
        between = np.arange(1, len(kinds)) - 0.5
        axes.vlines(between, 0, 1, FAINT, linewidth=0.6, transform=axes.get_xaxis_transform())
        handles = [Line2D([], [], label=shown(reference), **LEVEL)]
        handles += [
            Line2D([], [], label=shown(label), markersize=4, **styles[label] | {"linestyle": "-"})
            for label in models
        ]
        if any((shares[label][:, 0] == 0).any() for label in models):
            handles.append(Line2D([], [], linestyle="", label="0: none found"))
        legend(figure, handles)


def _ordered(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """All kinds with a count, in the order in which they are drawn."""
    kinds = [
        k
        for k in dict.fromkeys(k for c in counts.values() for k in c)
        if any(c.get(k) for c in counts.values())
    ]
    if all(kind.isdecimal() for kind in kinds):
        return sorted(kinds, key=int)
    reference = next(iter(counts.values()))
    return sorted(kinds, key=lambda kind: (-reference.get(kind, 0), kind))


def _shares(counts: Mapping[str, int], kinds: Sequence[str]) -> np.ndarray:
    """[n, 3]: share of each kind, and both ends of its interval."""
    if any(count < 0 for count in counts.values()):
        raise ValueError(f"counts cannot be negative: {dict(counts)}")
    total = sum(counts.values())
    rows = [(counts.get(kind, 0), *wilson(counts.get(kind, 0), total)) for kind in kinds]
    return np.array(rows, dtype=float).reshape(-1, 3) / [max(total, 1), 1, 1]


def _levels(axes: Axes, shares: np.ndarray, foot: float) -> None:
    """A line as wide as the points of all models, on the area of its interval."""
    places = np.arange(len(shares))
    found = shares[:, 0] > 0
    low = np.maximum(shares[found, 1], foot)
    axes.bar(places[found], shares[found, 2] - low, WIDTH, bottom=low, facecolor=REFERENCE, alpha=0.45)
    axes.hlines(shares[found, 0], places[found] - WIDTH / 2, places[found] + WIDTH / 2, **LEVEL)


def _points(axes: Axes, place: float, shares: np.ndarray, style: dict[str, Any], foot: float) -> None:
    places, colour = np.arange(len(shares)) + place, style["color"]
    found = shares[:, 0] > 0
    low = np.maximum(shares[found, 1], foot)
    axes.vlines(places[found], low, shares[found, 2], color=colour, linewidth=1.6, zorder=3)
    axes.plot(places[found], shares[found, 0], style["marker"], color=colour, markersize=4, zorder=4)
    for place in places[~found]:
        axes.annotate(
            "0", (place, 0), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
            color=colour, ha="center", va="bottom", size=7.5, weight="bold",
        )  # fmt: skip
