"""Differences between two runs, with their intervals: a forest plot."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tutti.core.tidy import metric_name
from tutti.figures import BAD, CONTROL, FAINT, GOOD, INK, legend, new_figure, nothing

STYLES = {
    "better": (GOOD, "^"),
    "worse": (BAD, "v"),
    "different": (INK, "D"),
    "no clear difference": (CONTROL, "o"),
}
"""Colour and marker by verdict."""
ROW, PANEL = 0.2, 0.5  # inches


def draw(rows: pd.DataFrame, stem: Path) -> None:
    """Draw a point with its 95 % interval for each row, in one panel for each unit, around a line at 0.

    Shares (unit `1`) are in percentage points. Rows without an interval are left out.

    Args:
        rows: with the columns model, metric, subset, unit, difference, ci_low, ci_high and verdict, one of
            `STYLES`.
        stem: the figure's path without suffix.
    """
    rows = rows[rows["ci_low"].notna()]
    if rows.empty:
        nothing(stem, "no headline number has a difference with an interval")
        return
    units = list(dict.fromkeys(rows["unit"]))
    counts = [int((rows["unit"] == unit).sum()) for unit in units]
    height = ROW * sum(counts) + PANEL * len(units) + 0.4
    several = rows["model"].nunique() > 1
    with new_figure(stem, 6.6, height) as figure:
        axes = figure.subplots(len(units), 1, squeeze=False, height_ratios=[n + 1 for n in counts])[:, 0]
        for panel, unit in zip(axes, units, strict=True):
            _panel(panel, rows[rows["unit"] == unit], several)
        present = [name for name in STYLES if (rows["verdict"] == name).any()]
        legend(figure, [Line2D([], [], label=name, **_style(name)) for name in present])


def _panel(axes: Axes, rows: pd.DataFrame, several: bool) -> None:
    unit = rows["unit"].iloc[0]
    factor = 100 if unit == "1" else 1
    axes.axvline(0, color=INK, linewidth=0.7)
    for y, row in enumerate(rows.itertuples()):
        style = _style(row.verdict)
        axes.plot([factor * row.ci_low, factor * row.ci_high], [y, y], color=style["color"])
        axes.plot(factor * row.difference, y, **style)
    axes.set_yticks(range(len(rows)), [_label(row, several) for row in rows.itertuples()])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    largest = factor * np.nanmax(np.abs(rows[["ci_low", "ci_high"]].to_numpy()))
    axes.set_xlim(-1.08 * largest, 1.08 * largest)
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel({"1": "percentage points", "dimensionless": "difference"}.get(unit, unit))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=FAINT)


def _style(verdict: str) -> dict[str, str | float]:
    colour, marker = STYLES[verdict]
    return {"color": colour, "marker": marker, "markersize": 4.5, "linewidth": 1.6}


def _label(row: tuple, several: bool) -> str:
    text = f"{metric_name(row.metric)}, {row.subset}".replace("_", " ")
    return f"{row.model}: {text}" if several else text
