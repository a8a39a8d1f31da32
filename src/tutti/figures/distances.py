"""Distances between distributions beside what chance alone gives."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tutti.core.tidy import CONTROLS, KEY, check, labels, metric_name
from tutti.figures import BAND, FAINT, INK, PAGE, legend, line_styles, new_figure, nothing, panels

FULL, FLOOR, P_VALUE = "_full", "_floor", "_p_value"
SIGNIFICANT = 0.05
WIDTH = 0.82  # of a row's lines; rows are 1 apart
BELOW = 0.5  # where the axis starts, in units of the least floor
DECADES = 4  # of an axis without floors


def draw(table: pd.DataFrame, stem: Path) -> None:
    """Draw one panel per distance: a row per key, in it a point with its 95 % interval per model.

    Of a distance `<name>` that has both, the one over all samples (`<name>_full`) is drawn; variants of a
    drawn one, whose names go on (`mmd_bispectrum_even14`), are left to the table. The grey bar behind a point
    ends at `<metric>_floor`, what two parts of the reference are apart. Points are hollow where
    `<name>_p_value` is 0.05 or more: the distance could be chance. The axis is logarithmic and starts at half
    the least floor; a distance below that is an arrow at its left end.

    Args:
        table: a tidy table of MMD or JSD.
        stem: the figure's path without suffix.
    """
    table = _beside(check(table))
    if table.empty:
        nothing(stem, "no distance is defined")
        return
    table = table.assign(label=labels(table), control=table["model"].isin(CONTROLS))
    table = table.sort_values("control", kind="stable")
    starts = {metric: _left(rows) for metric, rows in table.groupby("metric")}
    table = table.assign(start=table["metric"].map(starts))
    names = table.drop_duplicates("label")
    styles = line_styles(names["label"].tolist(), set(names.loc[names["control"], "label"]))
    metrics = list(dict.fromkeys(table["metric"]))
    n_rows, n_columns = panels(len(metrics), 3)
    most = table.groupby("metric")["subset"].nunique().max()
    height = n_rows * (0.6 + most * (0.09 + 0.085 * len(styles))) + 0.3 + 0.17 * len(styles)
    with new_figure(stem, max(6.6, 0.4 + 2.7 * n_columns), height) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel, metric in zip(axes.flat, metrics, strict=False):
            _panel(panel, table[table["metric"] == metric], styles)
        for panel in axes.flat[len(metrics) :]:
            panel.set_axis_off()
        legend(figure, _handles(styles, table))


def _beside(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the distances drawn, with columns `floor`, `p_value` (NaN: none) and the key's `place`."""
    names = [n for n in dict.fromkeys(table["metric"]) if not n.endswith((FULL, FLOOR, P_VALUE))]
    names = [n for n in names if not any(n.startswith(f"{other}_") for other in names)]
    present = set(table["metric"])
    shown = {name + FULL if name + FULL in present else name: name for name in names}
    distances = table[table["metric"].isin(shown) & table["value"].notna()]
    place = {key: i for i, key in enumerate(dict.fromkeys(table["subset"]))}
    return distances.assign(
        place=distances["subset"].map(place),
        floor=_values(table, distances, distances["metric"] + FLOOR),
        p_value=_values(table, distances, distances["metric"].map(shown) + P_VALUE),
    )


def _values(table: pd.DataFrame, rows: pd.DataFrame, metrics: pd.Series) -> np.ndarray:
    """[rows] values of other metrics for the same model, dataset, seed and subset."""
    return rows[KEY].assign(metric=metrics).merge(table, how="left", on=KEY)["value"].to_numpy()


def _left(table: pd.DataFrame) -> float:
    """Where the axis starts: what is far below the least floor tells nothing."""
    floors, values = (table[name][table[name] > 0] for name in ("floor", "value"))
    if len(floors):
        return BELOW * floors.min()
    return max(0.7 * values.min(), values.max() / 10**DECADES) if len(values) else 0.1


def _panel(axes: Axes, table: pd.DataFrame, styles: dict[str, dict]) -> None:
    keys = list(dict.fromkeys(table.sort_values("place")["subset"]))
    left = table["start"].iloc[0]
    right = max(1.3 * np.nanmax(table[["value", "ci_high", "floor"]].to_numpy()), 4 * left)
    step = WIDTH / len(styles)
    tested = bool(table["p_value"].notna().any())
    for row in range(1, len(keys), 2):
        axes.axhspan(row - 0.5, row + 0.5, color=BAND, zorder=0)
    for i, (label, style) in enumerate(styles.items()):
        rows = table[table["label"] == label]
        y = np.array([keys.index(key) for key in rows["subset"]]) + (i - (len(styles) - 1) / 2) * step
        floors = rows["floor"].to_numpy() > 0
        axes.barh(
            y[floors], rows["floor"][floors] - left, 0.9 * step, left=left, color=FAINT, linewidth=0, zorder=1
        )
        _points(axes, y, rows, style, left, tested)
    unit = table["unit"].iloc[0]
    name = metric_name(table["metric"].iloc[0])
    axes.set_xlabel(name + (" (no unit)" if unit == "dimensionless" else f" ({unit})"))
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    axes.xaxis.set_major_locator(LogLocator(subs=[1.0, 3.0] if right < 100 * left else [1.0], numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(keys)), [metric_name(key) for key in keys])
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=FAINT, zorder=0)


def _points(axes: Axes, y: np.ndarray, rows: pd.DataFrame, style: dict, left: float, tested: bool) -> None:
    """One model's points and intervals, at heights y [rows]."""
    value, low, high, p_value = rows[["value", "ci_low", "ci_high", "p_value"]].to_numpy(float).T
    known = high > left
    axes.hlines(
        y[known], np.maximum(low[known], left), high[known], color=style["color"], linewidth=1.4, zorder=3
    )
    look = {"color": style["color"], "zorder": 4, "markersize": 4, "linestyle": ""}
    below, untested = value < left, tested & np.isnan(p_value)
    markers = np.where(below, "<", np.where(untested, "|", style["marker"]))
    hollow = p_value >= SIGNIFICANT
    for marker, open_ in dict.fromkeys(zip(markers.tolist(), hollow.tolist(), strict=True)):
        these = (markers == marker) & (hollow == open_)
        face = {"markerfacecolor": PAGE} if open_ else {}
        axes.plot(
            np.maximum(value[these], left), y[these], marker=marker, clip_on=marker != "<", **look | face
        )


def _handles(styles: dict[str, dict], table: pd.DataFrame) -> list[Line2D | Patch]:
    handles = [
        Line2D([], [], label=label, color=style["color"], marker=style["marker"], markersize=4.5)
        for label, style in styles.items()
    ]
    if table["floor"].notna().any():
        handles.append(Patch(color=FAINT, label="floor: chance alone"))
    shown = table.groupby("metric")["p_value"].transform("count") > 0
    for wanted, marker, label in (
        ((table["p_value"] >= SIGNIFICANT).any(), "o", f"hollow: p ≥ {SIGNIFICANT}"),
        ((shown & table["p_value"].isna()).any(), "|", "no p-value"),
        ((table["value"] < table["start"]).any(), "<", "below the axis"),
    ):
        if wanted:
            look = {"marker": marker, "markerfacecolor": PAGE, "linestyle": "", "markersize": 4.5}
            handles.append(Line2D([], [], color=INK, label=label, **look))
    return handles
