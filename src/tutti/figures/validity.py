"""Proportions per model and assigner with their intervals."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tutti.core.tidy import CONTROLS, check, labels, metric_name
from tutti.figures import BAND, FAINT, INK, MARKERS, PAGE, legend, line_styles, new_figure, nothing, panels

SHOWN = (
    "validity",
    "uniqueness",
    "novelty",
    "connected",
    "neutral_atoms",
    "no_radicals",
    "atom_stability",
)
"""What is drawn: no other definitions of validity, which the matrix compares, and no products of these."""


def draw(table: pd.DataFrame, stem: Path) -> None:
    """Draw one panel per metric: a point with its 95 % interval per model (row, colour) and subset (marker).

    Drawn are the shares in `SHOWN` and those that have a published value, which is hollow.

    Raises:
        ValueError: when there are more subsets than can be told apart.
    """
    table = check(table)
    drawn = {*SHOWN, *table.loc[table["published"].notna(), "metric"]}
    table = table[(table["unit"] == "1") & table["value"].notna() & table["metric"].isin(drawn)]
    if table.empty:
        nothing(stem, "no share is defined")
        return
    table = table.assign(label=labels(table), control=table["model"].isin(CONTROLS))
    rows = list(dict.fromkeys(table.sort_values("control", kind="stable")["label"]))
    styles = line_styles(rows, set(table.loc[table["control"], "label"]))
    subsets = list(dict.fromkeys(table["subset"]))
    if len(subsets) > len(MARKERS):
        raise ValueError(f"one figure can tell {len(MARKERS)} subsets apart, not {len(subsets)}")
    metrics = list(dict.fromkeys(table["metric"]))
    n_rows, n_columns = panels(len(metrics), 4)
    height = n_rows * (0.62 + 0.12 * (len(subsets) + 1) * len(rows)) + 0.55
    with new_figure(stem, 0.3 + 0.068 * max(map(len, rows)) + 1.65 * n_columns, height) as figure:
        axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        for panel, metric in zip(axes.flat, metrics, strict=False):
            _panel(panel, table[table["metric"] == metric], styles, subsets)
            panel.set_xlabel(f"{metric_name(metric)} (%)")
            panel.tick_params(labelbottom=True)
        for panel in axes.flat[len(metrics) :]:
            panel.set_axis_off()
        legend(figure, _legend(table, subsets))


def _panel(axes: Axes, table: pd.DataFrame, styles: dict[str, dict], subsets: list[str]) -> None:
    # The rows' subsets stand apart by a fixed fraction of the row, the first on top.
    offsets = (np.arange(len(subsets)) - (len(subsets) - 1) / 2) / (len(subsets) + 1)
    rows = list(styles)
    for row in range(1, len(rows), 2):
        axes.axhspan(row - 0.5, row + 0.5, color=BAND, zorder=0)
    for (label, subset), points in table.groupby(["label", "subset"], sort=False):
        k = subsets.index(subset)
        value, low, high, published = 100 * points[["value", "ci_low", "ci_high", "published"]].to_numpy().T
        y = np.full(len(points), rows.index(label) + offsets[k])
        colour, marker = styles[label]["color"], MARKERS[k]
        axes.hlines(y, low, high, color=colour, linewidth=1.4, zorder=3)
        axes.plot(value, y, marker, color=colour, markersize=4, zorder=4)
        if np.isfinite(published).any():
            axes.plot(published, y, marker, color=colour, markersize=5.5, markerfacecolor=PAGE, zorder=2)
    axes.set_xlim(-4, 104)
    axes.set_xticks([0, 25, 50, 75, 100], ["0", "", "50", "", "100"])
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=FAINT)


def _legend(table: pd.DataFrame, subsets: list[str]) -> list[Line2D]:
    look = {"color": INK, "linestyle": "", "markersize": 4.5}
    handles = [Line2D([], [], marker=MARKERS[k], label=subset, **look) for k, subset in enumerate(subsets)]
    if table["published"].notna().any():
        handles.append(Line2D([], [], marker="o", markerfacecolor=PAGE, label="hollow: published", **look))
    return handles
