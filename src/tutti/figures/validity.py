"""Proportions per model and assigner with their intervals."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tutti.core.tidy import CONTROLS, check, labels, metric_name
from tutti.figures import FAINT, INK, MARKERS, PALETTE, legend, new_figure, nothing, panels


def draw(table: pd.DataFrame, stem: Path) -> None:
    """Draw one panel per metric: a point with its 95 % interval per model (row) and subset (colour, marker).

    Published values are hollow. Only fractions (unit `1`) are drawn.

    Raises:
        ValueError: when there are more subsets than can be told apart.
    """
    table = check(table)
    table = table[(table["unit"] == "1") & table["value"].notna()]
    if table.empty:
        nothing(stem, "no share is defined")
        return
    table = table.assign(label=labels(table), control=table["model"].isin(CONTROLS))
    rows = list(dict.fromkeys(table.sort_values("control", kind="stable")["label"]))
    subsets = list(dict.fromkeys(table["subset"]))
    if len(subsets) > len(PALETTE):
        raise ValueError(f"one figure can tell {len(PALETTE)} subsets apart, not {len(subsets)}")
    metrics = list(dict.fromkeys(table["metric"]))
    n_rows, n_columns = panels(len(metrics), 4)
    height = n_rows * (0.62 + 0.12 * (len(subsets) + 1) * len(rows)) + 0.55
    with new_figure(stem, 0.3 + 0.068 * max(map(len, rows)) + 1.65 * n_columns, height) as figure:
        axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        for panel, metric in zip(axes.flat, metrics, strict=False):
            _panel(panel, table[table["metric"] == metric], rows, subsets)
            panel.set_title(f"{metric_name(metric)} (%)")
        for panel in axes.flat[len(metrics) :]:
            panel.set_axis_off()
        for panel in axes.flat[max(0, len(metrics) - n_columns) : len(metrics)]:
            panel.tick_params(labelbottom=True)
        legend(figure, _legend(table, subsets))


def _panel(axes: Axes, table: pd.DataFrame, rows: list[str], subsets: list[str]) -> None:
    # The rows' subsets stand apart by a fixed fraction of the row, the first on top.
    offsets = (np.arange(len(subsets)) - (len(subsets) - 1) / 2) / (len(subsets) + 1)
    for row in range(1, len(rows), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#F5F5F5", zorder=0)
    for point in table.itertuples():
        k = subsets.index(point.subset)
        y, colour, marker = rows.index(point.label) + offsets[k], PALETTE[k], MARKERS[k]
        axes.plot([100 * point.ci_low, 100 * point.ci_high], [y, y], color=colour, linewidth=1.6, zorder=3)
        axes.plot(100 * point.value, y, marker, color=colour, markersize=4.5, zorder=4)
        axes.plot(
            100 * point.published, y, marker, color=colour, markersize=5.5, markerfacecolor="white", zorder=2
        )
    axes.set_xlim(-4, 104)
    axes.set_xticks([0, 25, 50, 75, 100], ["0", "", "50", "", "100"])
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=FAINT)


def _legend(table: pd.DataFrame, subsets: list[str]) -> list[Line2D]:
    handles = [
        Line2D([], [], color=PALETTE[k], marker=MARKERS[k], markersize=4.5, label=subset)
        for k, subset in enumerate(subsets)
    ]
    if table["published"].notna().any():
        hollow = Line2D(
            [], [], color=INK, marker="o", markerfacecolor="white", linestyle="", label="published"
        )
        handles.append(hollow)
    return handles
