"""Metrics against the number of molecules that are scored."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from tutti.core.tidy import CONTROLS, check, labels, metric_name
from tutti.figures import legend, line_styles, new_figure, nothing, panels, with_unit

SUBSET = r"^n=(\d+)$"


def draw(table: pd.DataFrame, stem: Path) -> None:
    """Draw one panel per metric: a line per model over the number of molecules, 95 % intervals as bands.

    Args:
        table: a tidy table; rows whose subset is `n=<number>` are drawn.
        stem: the figure's path without suffix.
    """
    table = check(table)
    number = table["subset"].str.extract(SUBSET)[0]
    table = table.assign(label=labels(table), molecules=number.astype(float))
    table = table[number.notna() & table["value"].notna()]
    if table.empty:
        nothing(stem, "no value for any number of molecules")
        return
    lines = table.drop_duplicates("label").sort_values(
        "model", key=lambda models: models.isin(CONTROLS), kind="stable"
    )
    styles = line_styles(lines["label"].tolist(), set(lines.loc[lines["model"].isin(CONTROLS), "label"]))
    metrics = list(dict.fromkeys(table["metric"]))
    n_rows, n_columns = panels(len(metrics), 3)
    with new_figure(stem, 0.8 + 2.3 * n_columns, 0.7 + 2.0 * n_rows) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel, metric in zip(axes.flat, metrics, strict=False):
            _curves(panel, table[table["metric"] == metric], styles)
        for panel in axes.flat[len(metrics) :]:
            panel.set_axis_off()
        legend(
            figure, [Line2D([], [], label=label, markersize=3.5, **style) for label, style in styles.items()]
        )


def _curves(axes: Axes, table: pd.DataFrame, styles: dict[str, dict]) -> None:
    unit, metric = table["unit"].iloc[0], table["metric"].iloc[0]
    scale = 100 if unit == "1" else 1
    for label, rows in table.sort_values("molecules").groupby("label", sort=False):
        style = styles[label]
        axes.plot(rows["molecules"], scale * rows["value"], markersize=3.5, **style)
        axes.fill_between(
            rows["molecules"],
            scale * rows["ci_low"],
            scale * rows["ci_high"],
            color=style["color"],
            alpha=0.18,
            linewidth=0,
        )
    axes.set_xscale("log")
    sizes = sorted(set(table["molecules"].astype(int)))
    axes.set_xticks(_apart(sizes), [f"{n:,}" for n in _apart(sizes)])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="molecules scored", ylabel=with_unit(metric_name(metric), unit))
    axes.grid(axis="y")
    axes.ticklabel_format(axis="y", useOffset=False)
    if unit == "1":
        low, high = axes.get_ylim()
        axes.set_ylim(min(max(low, -3), 97), min(max(high, 100.5), 103))
    else:
        axes.set_ylim(bottom=0)


def _apart(sizes: list[int]) -> list[int]:
    """The largest and those below it that leave room for their labels on a logarithmic axis."""
    chosen = [sizes[-1]]
    for n in sizes[-2::-1]:
        if n <= chosen[-1] / 2.2:
            chosen.append(n)
    return chosen
