"""Validity as a matrix: by assigner and definition, with the rank of each model."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from tutti.benchmark.metrics.validity_ranks import WHO, columns_of, moved, ranks, shares
from tutti.core.tidy import CONTROLS, MISSING, labels, metric_name
from tutti.figures import BAD, BAND, CONTROL, GOOD, INK, PALETTE, QUIET, new_figure

OPAQUE = 0.35  # a cell of 100 %, so that text can be read on all of them
CELL_WIDTH, CELL_HEIGHT = 0.66, 0.38  # inches
GAP = 0.2  # between models and controls, and between assigners, in cells


def draw(table: pd.DataFrame, stem: Path) -> None:
    """Draw the matrix: rows are models, then controls; columns are assigners and in each the definitions.

    A cell has the share in percent and below it the model's rank (see `ranks`), with the places gained (▲) or
    lost (▼) against the first column. Without a second model there are no ranks.

    Args:
        table: the tidy table of validity.
        stem: the figure's path without suffix.

    Raises:
        ValueError: when the table has no share of `DEFINITIONS`.
    """
    table = shares(table)
    columns = columns_of(table)
    places = _with_gaps([subset for subset, _ in columns])
    table = table.assign(label=labels(table), control=table["model"].isin(CONTROLS), rank=_rank(table))
    table = table.assign(moved=moved(table, table["rank"], columns[0])).sort_values("control", kind="stable")
    rows = table.drop_duplicates("label")
    heights = dict(zip(rows["label"], _with_gaps(rows["control"].tolist()), strict=True))
    width = 0.4 + 0.068 * rows["label"].str.len().max() + CELL_WIDTH * (places[-1] + 1)
    with new_figure(stem, width, 0.85 + CELL_HEIGHT * (max(heights.values()) + 1)) as figure:
        axes = figure.subplots()
        for cell in table.itertuples():
            _cell(axes, places[columns.index((cell.subset, cell.metric))], heights[cell.label], cell)
        axes.set_xlim(-0.5, places[-1] + 0.5)
        axes.set_ylim(max(heights.values()) + 0.5, -0.5)
        axes.set_yticks(list(heights.values()), list(heights))
        axes.set_xticks(places, [_two_lines(metric_name(metric)) for _, metric in columns])
        axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False, labelsize=7.5)
        axes.spines[:].set_visible(False)
        for subset in dict.fromkeys(subset for subset, _ in columns):
            own = [place for place, (name, _) in zip(places, columns, strict=True) if name == subset]
            axes.annotate(
                f"{subset} (%)", (own[0] - 0.47, 1), xycoords=("data", "axes fraction"), weight="bold",
                xytext=(0, 28), textcoords="offset points",
            )  # fmt: skip


def _rank(table: pd.DataFrame) -> np.ndarray:
    """[rows] rank of each row, NaN where it has none."""
    ranked = ranks(table)
    ranked["metric"] = ranked["metric"].str.removesuffix("_rank")
    key = [*WHO, "metric", "subset"]
    return table[key].merge(ranked[[*key, "value"]], how="left", on=key)["value"].to_numpy()


def _with_gaps(groups: list) -> list[float]:
    """Places 1 apart, with a gap where the group changes."""
    changes = np.cumsum([0, *(a != b for a, b in pairwise(groups))])
    return (np.arange(len(groups)) + GAP * changes).tolist()


def _two_lines(name: str) -> str:
    return (
        name.replace("valid and ", "valid and\n")
        .replace("strictly ", "strictly\n")
        .replace("molecule ", "molecule\n")
    )


def _cell(axes: Axes, x: float, y: float, cell: tuple) -> None:
    missing = np.isnan(cell.value)
    look = {"facecolor": BAND} if missing else {"facecolor": PALETTE[0], "alpha": OPAQUE * cell.value}
    axes.add_patch(Rectangle((x - 0.48, y - 0.47), 0.96, 0.94, linewidth=0, **look))
    ranked = not np.isnan(cell.rank)
    axes.text(
        x, y - 0.16 * ranked, MISSING if missing else f"{100 * cell.value:.1f}", ha="center", va="center",
        size=8.5, color=CONTROL if missing else INK,
    )  # fmt: skip
    if ranked:
        arrow = f" {'▲' if cell.moved > 0 else '▼'}{abs(cell.moved):.0f}" if cell.moved else ""
        axes.text(
            x, y + 0.23, f"rank {cell.rank:.0f}{arrow}", ha="center", va="center", size=6.5,
            color={-1: BAD, 0: QUIET, 1: GOOD}[np.sign(cell.moved)],
        )  # fmt: skip
