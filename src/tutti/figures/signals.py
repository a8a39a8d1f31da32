"""Divergences of fitted densities on the sphere from their targets."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tutti.benchmark.signals.study import METRIC, MODEL, RANDOM, SUBSET
from tutti.core.tidy import check
from tutti.figures import legend, line_styles, new_figure, nothing, panels
from tutti.figures.log_axis import plain_labels

NAMES = {
    "symphony": "Symphony",
    "simm": "Simm et al.",
    "simm_without_norm": "Simm et al., without norm",
}
AXES = ("lmax", "channels")
DODGE = 0.06  # between the lines of a panel, so that their intervals can be told apart


def by_lmax(table: pd.DataFrame, stem: Path) -> None:
    """Draw a line per parametrisation against lmax, a panel per number of channels.

    Args:
        table: of `tutti.benchmark.signals.study`; rows of other targets than random points are left out.
        stem: the figure's path without suffix.
    """
    _draw(table, stem, "lmax")


def by_channels(table: pd.DataFrame, stem: Path) -> None:
    """As `by_lmax`, against the number of channels, a panel per lmax."""
    _draw(table, stem, "channels")


def _draw(table: pd.DataFrame, stem: Path, against: str) -> None:
    table = check(table)
    table = table.join(table["model"].str.extract(MODEL)).join(table["subset"].str.extract(SUBSET))
    ours = (table["metric"] == METRIC) & (table["dataset"] == RANDOM) & (table["value"] > 0)
    points = table[ours].astype({name: int for name in AXES if ours.any()})
    if points.empty:
        nothing(stem, "no density was fitted")
        return
    (other,) = set(AXES) - {against}
    styles = line_styles(list(dict.fromkeys(points["family"])), set())
    groups = list(points.groupby(other))
    n_rows, n_columns = panels(len(groups), 3)
    with new_figure(stem, 0.6 + 2.3 * n_columns, 0.5 + 1.9 * n_rows) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
        for panel in axes.flat[len(groups) :]:
            panel.set_axis_off()
        for panel, (value, rows) in zip(axes.flat, groups, strict=False):
            _curves(panel, rows, against, styles)
            panel.set_title(f"lmax {value}" if other == "lmax" else channels_text(value))
        for panel in axes.flat[max(0, len(groups) - n_columns) : len(groups)]:
            panel.set_xlabel(against)
            panel.tick_params(labelbottom=True)
        for panel in axes[:, 0]:
            panel.set_ylabel("KL (nat)")
        legend(figure, [Line2D([], [], label=NAMES.get(f, f), markersize=4, **s) for f, s in styles.items()])


def channels_text(n: int) -> str:
    """How many channels, in words."""
    return f"{n} channel{'' if n == 1 else 's'}"


def _curves(axes: Axes, points: pd.DataFrame, against: str, styles: dict[str, dict]) -> None:
    place = np.log2 if against == "channels" else np.asarray
    for i, (family, style) in enumerate(styles.items()):
        rows = points[points["family"] == family].sort_values(against)
        values = rows["value"].to_numpy()
        bars = np.nan_to_num(np.abs(rows[["ci_low", "ci_high"]].to_numpy().T - values))
        x = place(rows[against]) + DODGE * (i - (len(styles) - 1) / 2)
        axes.errorbar(x, values, bars, **style, markersize=3.5, linewidth=1.2, elinewidth=0.8, capsize=1.5)
    axes.set_yscale("log")
    values = sorted(set(points[against]))
    axes.set_xticks(place(values), [str(value) for value in values])
    axes.margins(x=0.08)
    plain_labels(axes.yaxis)
    axes.grid(axis="y", linewidth=0.4)
