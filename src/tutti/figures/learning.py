"""What samples are worth against the time of training."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tutti.benchmark.samples.learning import CONTROL, NAME, SHARE, TIME
from tutti.benchmark.tables import Column, declared
from tutti.core.tidy import check
from tutti.figures import (
    AREA,
    INK,
    REFERENCE,
    legend,
    line_styles,
    new_figure,
    nothing,
    panels,
    shown,
    with_unit,
)
from tutti.figures import CONTROL as GREY
from tutti.figures.log_axis import plain_labels

LOGARITHMIC = ("mmd_bond_length_full", "energy_drop_median")
"""Metrics whose best value is 0, which models of one figure miss by factors."""
PUBLISHED = (0, (4, 2))
"""Dashes of published values."""
MISSING = {"linestyle": "", "marker": "x", "markersize": 5, "markeredgewidth": 1.2}
"""Look of what is not known, above a panel: within it would be a value."""


def draw(table: pd.DataFrame, stem: Path) -> None:
    """Draw a panel per metric: a line per model and seed over the processors' time, 95 % intervals as bars.

    Crosses above a panel are moments without a number.

    Args:
        table: of `tutti.benchmark.samples.learning`, of one dataset.
        stem: the figure's path without suffix.
    """
    table = check(table)
    minutes = table.loc[table["metric"] == TIME, ["model", "seed", "subset", "value"]]
    minutes = minutes.assign(minutes=minutes.pop("value") / 60)
    moments = table[table["subset"].str.startswith(SHARE)].merge(minutes, on=["model", "seed", "subset"])
    points, missing = moments[moments["value"].notna()], moments[moments["value"].isna()]
    controls = table[(table["model"] == CONTROL) & table["value"].notna()]
    columns = [c for c in declared().tables[NAME].columns if c.metric in set(points["metric"])]
    if not columns:
        nothing(stem, "no number at any moment of a training")
        return
    styles = line_styles(list(dict.fromkeys(points["model"])), set())
    n_rows, n_columns = panels(len(columns), 3)
    with new_figure(stem, 0.6 + 2.35 * n_columns, 0.75 + 2.15 * n_rows) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel in axes.flat[len(columns) :]:
            panel.set_axis_off()
        for panel, column in zip(axes.flat, columns, strict=False):
            own = points[points["metric"] == column.metric]
            _panel(panel, own, controls[controls["metric"] == column.metric], styles)
            _axes(panel, column, own, minutes["minutes"])
            _crosses(panel, missing[missing["metric"] == column.metric], styles)
        missing = missing[missing["metric"].isin([column.metric for column in columns])]
        legend(figure, _handles(styles, controls, points, missing))


def _panel(axes: Axes, points: pd.DataFrame, control: pd.DataFrame, styles: dict[str, dict]) -> None:
    scale = 100 if points["unit"].iloc[0] == "1" else 1
    for row in control.itertuples():
        axes.axhspan(
            scale * row.ci_low, scale * row.ci_high, color=REFERENCE, alpha=0.45, linewidth=0, zorder=0
        )
        axes.axhline(scale * row.value, color=GREY, linewidth=1, zorder=1)
    for (model, _), rows in points.sort_values("minutes").groupby(["model", "seed"], sort=False):
        style = styles[model]
        value, low, high = scale * rows[["value", "ci_low", "ci_high"]].to_numpy().T
        bars = np.nan_to_num([value - low, high - value])
        axes.errorbar(
            rows["minutes"], value, bars, **style, markersize=4, linewidth=1.2, elinewidth=1, zorder=3
        )
        for published in rows["published"].dropna():
            axes.axhline(
                scale * published, color=style["color"], linestyle=PUBLISHED, linewidth=0.9, zorder=2
            )


def _axes(axes: Axes, column: Column, points: pd.DataFrame, minutes: pd.Series) -> None:
    unit = points["unit"].iloc[0]
    axes.set_xscale("log")
    axes.set_xlim(minutes.min() / 1.25, minutes.max() * 1.25)
    plain_labels(axes.xaxis)
    axes.set(xlabel="training, minutes of a processor", ylabel=with_unit(column.heading, unit))
    axes.grid(axis="y")
    if unit == "1":
        axes.set_ylim(-3, 103)
    elif column.metric in LOGARITHMIC and (points["value"] > 0).all():
        axes.set_yscale("log")
        plain_labels(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)


def _crosses(axes: Axes, missing: pd.DataFrame, styles: dict[str, dict]) -> None:
    """Each model's moments without a number, at a height of its own."""
    for height, (model, rows) in enumerate(missing.groupby("model", sort=False)):
        place = np.full(len(rows), 1.04 + 0.06 * height)
        axes.plot(
            rows["minutes"],
            place,
            color=styles[model]["color"],
            transform=axes.get_xaxis_transform(),
            clip_on=False,
            **MISSING,
        )


def _handles(
    styles: dict[str, dict], controls: pd.DataFrame, points: pd.DataFrame, missing: pd.DataFrame
) -> list[Line2D | Patch]:
    handles = [Line2D([], [], label=shown(model), markersize=4, **style) for model, style in styles.items()]
    if len(controls):
        handles.append(Patch(label=shown(CONTROL), **AREA))
    if points["published"].notna().any():
        handles.append(
            Line2D([], [], color=INK, linestyle=PUBLISHED, linewidth=0.9, label="dashed: published")
        )
    if len(missing):
        handles.append(Line2D([], [], color=INK, label="no value, see the table", **MISSING))
    return handles
