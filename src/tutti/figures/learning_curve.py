"""Errors against the number of training structures."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from scipy.optimize import isotonic_regression

from tutti.benchmark.forcefields.learning_curve import SLOPE
from tutti.core.tidy import check, metric_name
from tutti.figures import INK, PAGE, legend, line_styles, new_figure, nothing, panels, shown
from tutti.figures.log_axis import plain_labels

SUBSET = r"^(?:(?P<part>.+);)?n_train=(?P<size>\d+)$"
METRICS = ("energy_mae", "force_mae", "mae")
"""Those that are drawn."""
GROUP = ["dataset", "metric", "part"]
"""A panel each."""
HOLLOW = {
    "color": INK,
    "linestyle": "",
    "marker": "D",
    "markersize": 4.5,
    "markerfacecolor": PAGE,
    "zorder": 4,
}
"""Look of published errors."""

LABEL = 0.075
"""Height of a line of text, of the panel's."""
WIDEST = 0.3
"""Half of the widest 95 % interval of a slope that is printed: wider ones hold both steep and flat."""


def draw(table: pd.DataFrame, stem: Path) -> None:
    """Draw a log-log panel per dataset and metric: errors with their intervals, and the fitted power laws.

    A model has one look in all panels, also where it is trained for each property (`model@homo`). The numbers
    at the lines are their slopes with 95 % intervals, of several seeds the mean and the widest; those of
    intervals beyond ± `WIDEST` are left out. Published errors are hollow.

    Args:
        table: of `tutti.benchmark.forcefields.learning_curve`.
        stem: the figure's path without suffix.
    """
    table = check(table)
    table = table.join(table["subset"].str.extract(SUBSET))
    drawn = table[table["size"].notna() & table["metric"].isin(METRICS)]
    drawn = drawn.assign(size=drawn["size"].astype(float), part=drawn["part"].fillna(""))
    drawn["model"] = _without_target(drawn["model"], drawn["part"])
    points, papers = drawn[drawn["value"] > 0], drawn[drawn["published"] > 0]
    if points.empty:
        nothing(stem, "no error for any number of training structures")
        return
    styles = line_styles(list(dict.fromkeys(points["model"])), set())
    groups = list(points.groupby(GROUP, sort=False))
    n_rows, n_columns = panels(len(groups), 3)
    with new_figure(stem, 0.6 + 2.7 * n_columns, 0.5 + 2.5 * n_rows) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel in axes.flat[len(groups) :]:
            panel.set_axis_off()
        for panel, ((dataset, metric, part), rows) in zip(axes.flat, groups, strict=False):
            slopes = table[(table["dataset"] == dataset) & (table["metric"] == f"{metric}{SLOPE}")]
            slopes = _by_model(slopes[slopes["subset"] == (part or "all")], part)
            same = papers[GROUP].eq([dataset, metric, part]).all(axis=1)
            theirs = papers.loc[same, ["size", "published"]].drop_duplicates()
            ends = _curves(panel, rows, slopes, styles)
            panel.plot(theirs["size"], theirs["published"], **HOLLOW)
            _axes(panel, {*rows["size"], *theirs["size"]})
            _label(panel, ends)
            panel.set_title(f"{dataset}: {part}" if part else dataset)
            panel.set_ylabel(f"{metric_name(metric)} ({rows['unit'].iloc[0]})")
        handles = [Line2D([], [], label=shown(m), markersize=4, **s) for m, s in styles.items()]
        legend(
            figure, [*handles, *([Line2D([], [], label="hollow: published", **HOLLOW)] * (not papers.empty))]
        )


def _without_target(models: Iterable[str], parts: Iterable[str]) -> list[str]:
    """What the models are called but for the property that they were trained on."""
    return [model.removesuffix(f"@{part}") for model, part in zip(models, parts, strict=True)]


def _by_model(slopes: pd.DataFrame, part: str) -> pd.DataFrame:
    """Each model's slope, and half of its 95 % interval; NaN where one of its seeds has none."""
    half = (slopes["ci_high"] - slopes["ci_low"]) / 2
    of_model = slopes.assign(half=half).groupby(_without_target(slopes["model"], [part] * len(slopes)))
    return of_model.agg(value=("value", "mean"), half=("half", lambda each: each.max(skipna=False)))


def _curves(
    axes: Axes, points: pd.DataFrame, slopes: pd.DataFrame, styles: dict[str, dict]
) -> list[tuple[float, float, str, str]]:
    """Draw them; the right end of each line whose slope is known, what that is, and the colour."""
    found = []
    for model, rows in points.groupby("model", sort=False):
        style, sizes, values = styles[model], rows["size"].to_numpy(), rows["value"].to_numpy()
        known = rows[["ci_low", "ci_high"]].fillna({"ci_low": rows["value"], "ci_high": rows["value"]})
        bars = np.abs(known.to_numpy().T - values)
        axes.errorbar(sizes, values, bars, **(style | {"linestyle": ""}), markersize=4, linewidth=1)
        slope, half = slopes.reindex([model]).iloc[0]
        if not np.isnan(slope):
            ends = np.array([sizes.min(), sizes.max()])
            centre = np.log(values).mean() - slope * np.log(sizes).mean()
            fitted = np.exp(centre + slope * np.log(ends))
            axes.plot(ends, fitted, color=style["color"], linestyle=style["linestyle"], linewidth=1)
            if half < WIDEST:
                text = f"{slope:.2f} ± {half:.2f}".replace("-", "−")
                found.append((ends[1], fitted[1], text, style["color"]))
    return found


def _label(axes: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Write the slopes at the ends of their lines, moved no more than it takes to read all of them."""
    low, high = np.log(axes.get_ylim())
    places = np.log([y for _, y, _, _ in ends])
    order, least = np.argsort(places), LABEL * (high - low) * np.arange(len(ends))
    places[order] = isotonic_regression(places[order] - least).x + least if ends else []
    for (x, _, text, colour), place in zip(ends, places, strict=True):
        axes.annotate(
            text,
            (x, np.exp(place)),
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            va="center",
        )


def _axes(axes: Axes, sizes: Iterable[float]) -> None:
    sizes = sorted(map(int, sizes))
    axes.set(xscale="log", yscale="log", xlabel="training structures")
    axes.set_xticks(sizes, [f"{n:,}" for n in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.15)
    plain_labels(axes.yaxis)
    axes.grid(axis="y", which="both", linewidth=0.4)
