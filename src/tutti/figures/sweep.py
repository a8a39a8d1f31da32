"""Validity and uniqueness of one model over settings that a sweep changes."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tutti.benchmark.tables import MAIN
from tutti.core.tidy import check
from tutti.figures import CONTROL, INK, legend, line_styles, new_figure, nothing

METRICS = ("validity", "uniqueness")


def draw(table: pd.DataFrame, values: Mapping[str, Mapping[str, str]], stem: Path) -> None:
    """Draw validity and uniqueness against the first axis, and against each other with the Pareto front.

    The second axis is colour, the third is rows of panels. The front's points are labelled with the first
    axis, but for labels that would lie on others. Of several seeds the lines are the means; each has its own
    point with its 95 % interval.

    Args:
        table: of `tutti.benchmark.samples.validity`, of one dataset.
        values: the value on each axis (one to three, the same for all) by model.
        stem: the figure's path without suffix.
    """
    table = check(table)
    table = table[table["model"].isin(values) & (table["subset"] == MAIN) & table["metric"].isin(METRICS)]
    if table["value"].isna().all():
        nothing(stem, f"no valid molecule by {MAIN}")
        return
    names = list(next(iter(values.values())))
    axes_of = pd.DataFrame.from_dict(values, orient="index")
    places = [list(dict.fromkeys(axes_of[name])) for name in names]
    table = table.join(axes_of, on="model")
    styles = line_styles(places[1] if len(names) > 1 else [""], set())
    rows = places[2] if len(names) > 2 else [""]
    with new_figure(stem, 7.4, 0.5 + 2.5 * len(rows)) as figure:
        panels = figure.subplots(len(rows), 3, squeeze=False)
        for (first, second, front), value in zip(panels, rows, strict=True):
            part = table[table[names[2]] == value] if value else table
            title = f"{names[2]} {value}" if value else ""
            for panel, metric in ((first, "validity"), (second, "uniqueness")):
                _against_axis(panel, part[part["metric"] == metric], names, places[0], styles)
                panel.set_ylabel(f"{metric} (%)")
            first.set_title(title)
            _front(front, part, names, styles)
        if len(names) > 1:
            handles = [Line2D([], [], label=label, markersize=4, **s) for label, s in styles.items()]
            legend(figure, [Line2D([], [], linestyle="", label=names[1]), *handles])
        figure.draw_without_rendering()  # puts the panels where they stay
        for front in panels[:, 2]:
            _thin_out(front)


def _groups(table: pd.DataFrame, names: list[str]) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each value on the second axis."""
    return list(table.groupby(names[1], sort=False)) if len(names) > 1 else [("", table)]


def _against_axis(
    axes: Axes, table: pd.DataFrame, names: list[str], places: list[str], styles: dict[str, dict]
) -> None:
    for label, rows in _groups(table, names):
        x = rows[names[0]].map(places.index).to_numpy(float)
        # Lines that lie on one another stay visible.
        x += 0.06 * (list(styles).index(label) - (len(styles) - 1) / 2)
        value, low, high = (100 * rows[name].to_numpy() for name in ("value", "ci_low", "ci_high"))
        style = styles[label]
        bars = np.nan_to_num([value - low, high - value])
        axes.errorbar(x, value, bars, **(style | {"linestyle": ""}), markersize=4, linewidth=1)
        means = pd.Series(value).groupby(x).mean()
        axes.plot(means.index, means, **(style | {"marker": ""}), linewidth=1)
    axes.set_xticks(range(len(places)), places, rotation=90 if max(map(len, places)) > 4 else 0)
    axes.set_xlabel(names[0])
    axes.grid(axis="y")


def _front(axes: Axes, table: pd.DataFrame, names: list[str], styles: dict[str, dict]) -> None:
    """Uniqueness against validity; a line joins and labels name the combinations that none beats in both."""
    pairs = table.pivot_table(index="model", columns="metric", values="value", sort=False, dropna=False)
    pairs = 100 * pairs.reindex(columns=list(METRICS)).dropna()
    settings = table.drop_duplicates("model").set_index("model")
    for model, (validity, uniqueness) in zip(pairs.index, pairs.to_numpy(), strict=True):
        style = styles[settings.loc[model, names[1]] if len(names) > 1 else ""]
        axes.plot(validity, uniqueness, **(style | {"linestyle": ""}), markersize=4)
    best = pairs.iloc[pareto_front(pairs.to_numpy())]
    axes.plot(*best.to_numpy().T, color=CONTROL, linewidth=0.9, zorder=1)
    for model, point in zip(best.index, best.to_numpy(), strict=True):
        label = settings.loc[model, names[0]]
        axes.annotate(label, point, (3, 3), textcoords="offset points", fontsize=6.5, color=INK)
    axes.set(xlabel="validity (%)", ylabel="uniqueness (%)")
    axes.margins(0.12)
    axes.grid(axis="both")


def _thin_out(axes: Axes) -> None:
    """Remove the labels that lie on one before them."""
    kept = []
    for label in list(axes.texts):
        place = label.get_window_extent()
        if any(place.overlaps(other) for other in kept):
            label.remove()
        else:
            kept.append(place)


def pareto_front(points: np.ndarray) -> np.ndarray:
    """Rows of `points` [N, 2] that no other point beats in one coordinate without losing in the other.

    Sorted by the first coordinate.
    """
    order = np.lexsort((-points[:, 1], -points[:, 0]))  # by the first coordinate, falling
    highest = np.maximum.accumulate(points[order, 1])
    better = np.diff(highest, prepend=-np.inf) > 0
    return order[better][::-1]
