"""Time per force call against the number of atoms, and in batches."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tutti.benchmark.forcefields.inference_time import METRIC
from tutti.core.tidy import check
from tutti.figures import CONTROL, FAINT, legend, line_styles, new_figure, nothing, shown
from tutti.figures.log_axis import plain_labels

SUBSET = r"^(?P<atoms>\d+) atoms(?:, batch (?P<batch>\d+))?$"
XTB = ("GFN1-xTB", "GFN2-xTB")
PROPORTIONAL = {"color": CONTROL, "linestyle": ":", "linewidth": 0.8}


def draw(table: pd.DataFrame, stem: Path) -> None:
    """Draw the time of a call by number of atoms, and the time per atom by size of batch.

    Args:
        table: of `tutti.benchmark.forcefields.inference_time`, of one dataset.
        stem: the figure's path without suffix.
    """
    table = check(table)
    table = table.join(table["subset"].str.extract(SUBSET).astype(float).fillna({"batch": 1.0}))
    table = table[table["atoms"].notna() & table["value"].notna()]
    single = table[(table["metric"] == METRIC) & (table["batch"] == 1)]
    if single.empty:
        nothing(stem, "no force call was timed")
        return
    per_atom = table[(table["metric"] == f"{METRIC}_per_atom") & (table["atoms"] == single["atoms"].min())]
    batched = per_atom[per_atom["model"].isin(per_atom.loc[per_atom["batch"] > 1, "model"])]
    models = list(dict.fromkeys(single["model"]))
    styles = line_styles(models, {model for model in models if model in XTB})
    n_panels = 1 if batched.empty else 2
    with new_figure(stem, 0.4 + 3.1 * n_panels, 3.3) as figure:
        axes = figure.subplots(1, n_panels, squeeze=False)[0]
        _proportional(axes[0], single)
        _lines(axes[0], single, "atoms", styles)
        axes[0].set(title="one structure", xlabel="atoms", ylabel="time of a force call (ms)")
        if n_panels == 2:
            _lines(axes[1], batched, "batch", styles)
            axes[1].set(
                title=f"batches of {single['atoms'].min():.0f} atoms",
                xlabel="structures in a batch",
                ylabel="time of a force call (µs/atom)",
            )
        handles = [Line2D([], [], label=shown(m), markersize=4, **s) for m, s in styles.items()]
        legend(figure, [*handles, Line2D([], [], label="proportional to atoms", **PROPORTIONAL)])


def _lines(axes: Axes, table: pd.DataFrame, by: str, styles: dict[str, dict]) -> None:
    for model, rows in table.sort_values(by).groupby("model", sort=False):
        values = rows["value"].to_numpy()
        bars = np.abs(rows[["ci_low", "ci_high"]].to_numpy().T - values)
        axes.errorbar(rows[by], values, bars, markersize=4, elinewidth=0.8, **styles[model])
    axes.set(xscale="log", yscale="log")
    plain_labels(axes.xaxis)
    plain_labels(axes.yaxis)
    axes.grid(color=FAINT, which="major")


def _proportional(axes: Axes, table: pd.DataFrame) -> None:
    """Lines of slope 1 that end in each model's largest system."""
    for _, rows in table.sort_values("atoms").groupby("model", sort=False):
        atoms, value = rows[["atoms", "value"]].iloc[-1]
        start = rows["atoms"].iloc[0]
        if rows["model"].iloc[0] not in XTB and start < atoms:
            axes.plot([start, atoms], [value * start / atoms, value], **PROPORTIONAL, zorder=0)
