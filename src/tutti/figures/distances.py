"""Distances between distributions beside what chance alone gives."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tutti.core.tidy import CONTROLS, KEY, check, labels, metric_name
from tutti.figures import FAINT, INK, legend, line_styles, new_figure, nothing, panels

FULL, FLOOR, P_VALUE = "_full", "_floor", "_p_value"
SIGNIFICANT = 0.05
WIDTH = 0.82  # of a row's lines; rows are 1 apart


def draw(table: pd.DataFrame, stem: Path) -> None:
    """Draw one panel per distance: a row per key, in it a point with its 95 % interval per model.

    Of a distance `<name>` that has both, the one over all samples (`<name>_full`) is drawn. The grey bar
    behind a point ends at `<metric>_floor`, what two parts of the reference are apart. Points are hollow
    where `<name>_p_value` is 0.05 or more: the distance could be chance. The axis is logarithmic; a distance
    of 0 is an arrow at its left end.

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
    names = table.drop_duplicates("label")
    styles = line_styles(names["label"].tolist(), set(names.loc[names["control"], "label"]))
    metrics = list(dict.fromkeys(table["metric"]))
    n_rows, n_columns = panels(len(metrics), 3)
    most = table.groupby("metric")["subset"].nunique().max()
    height = n_rows * (0.6 + most * (0.09 + 0.085 * len(styles))) + 0.3 + 0.17 * len(styles)
    with new_figure(stem, max(5.0, 0.4 + 2.7 * n_columns), height) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel, metric in zip(axes.flat, metrics, strict=False):
            _panel(panel, table[table["metric"] == metric], styles)
        for panel in axes.flat[len(metrics) :]:
            panel.set_axis_off()
        legend(figure, _handles(styles, table))


def _beside(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the distances drawn, with columns `floor`, `p_value` (NaN: none) and the key's `place`."""
    names = [n for n in dict.fromkeys(table["metric"]) if not n.endswith((FULL, FLOOR, P_VALUE))]
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


def _panel(axes: Axes, table: pd.DataFrame, styles: dict[str, dict]) -> None:
    keys = list(dict.fromkeys(table.sort_values("place")["subset"]))
    numbers = table[["value", "ci_low", "floor"]].to_numpy()
    smallest = numbers[numbers > 0].min(initial=np.inf)
    left = 0.7 * smallest if np.isfinite(smallest) else 0.1
    step = WIDTH / len(styles)
    tested = bool(table["p_value"].notna().any())
    for row in range(1, len(keys), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#F7F7F7", zorder=0)
    for point in table.itertuples():
        y = keys.index(point.subset) + (list(styles).index(point.label) - (len(styles) - 1) / 2) * step
        if point.floor > 0:
            axes.barh(y, point.floor - left, 0.9 * step, left=left, color=FAINT, zorder=1)
        _point(axes, y, point, styles[point.label], left, tested)
    unit = table["unit"].iloc[0]
    axes.set_title(metric_name(table["metric"].iloc[0]) + ("" if unit == "dimensionless" else f" ({unit})"))
    axes.set_xscale("log")
    axes.set_xlim(left=left)
    short = axes.get_xlim()[1] < 100 * left
    axes.xaxis.set_major_locator(LogLocator(subs=[1.0, 3.0] if short else [1.0], numticks=4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(keys)), [metric_name(key) for key in keys])
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=FAINT, zorder=0)


def _point(axes: Axes, y: float, point: tuple, style: dict, left: float, tested: bool) -> None:
    look = {"color": style["color"], "zorder": 4, "markersize": 4}
    if point.p_value >= SIGNIFICANT:
        look["markerfacecolor"] = "white"
    if point.value <= 0:
        axes.plot(left, y, "<", clip_on=False, **look)
        return
    if point.ci_high > 0:
        axes.hlines(y, max(point.ci_low, left), point.ci_high, color=style["color"], linewidth=1.4, zorder=3)
    axes.plot(point.value, y, "|" if np.isnan(point.p_value) and tested else style["marker"], **look)


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
        ((table["value"] <= 0).any(), "<", "0"),
    ):
        if wanted:
            look = {"marker": marker, "markerfacecolor": "white", "linestyle": "", "markersize": 4.5}
            handles.append(Line2D([], [], color=INK, label=label, **look))
    return handles
