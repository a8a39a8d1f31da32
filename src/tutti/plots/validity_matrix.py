"""Validity as a matrix: by assigner and definition, with the rank of each model."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from tutti.plots import BAD, CONTROL, GOOD, INK, new_figure
from tutti.tables import CONTROLS, MISSING, check, labels, metric_name

# Shares of all generated samples, from the mildest definition to the strictest.
DEFINITIONS = ["validity", "valid_and_connected", "strictly_valid", "molecule_stability"]
WHO = ["model", "dataset", "seed"]
# Light, so that dark text can be read on all of it.
COLOURS = LinearSegmentedColormap.from_list("shares", ["#FFFFFF", "#DCEBF6", "#86BCE2"])
CELL_WIDTH, CELL_HEIGHT = 0.66, 0.38  # inches
GAP = 0.2  # between models and controls, and between assigners, in cells

Column = tuple[str, str]  # assigner, definition


def ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Ranks of the models in every column of the matrix, 1 the best, as a tidy table.

    Models (with their seeds) are ranked among those of the same dataset; ties share the better rank. Controls
    have no rank. Ranks take no account of the intervals: models whose intervals overlap may change places by
    chance.

    Args:
        table: the tidy table of validity.

    Returns:
        Metrics `<definition>_rank` with n = the number of models ranked, NaN where that is one. A note marks
        the ranks that differ from the model's rank in the first column.

    Raises:
        ValueError: when the table has no share of `DEFINITIONS`.
    """
    table = _shares(table)
    subset, metric = _columns(table)[0]
    models = table[~table["model"].isin(CONTROLS) & table["value"].notna()]
    group = models.groupby(["dataset", "metric", "subset"])["value"]
    rank, n = group.rank(method="min", ascending=False), group.transform("size")
    moved = _moved(models, rank, (subset, metric))
    note = np.where(moved != 0, f"another rank than by {metric_name(metric)} of {subset}", "")
    note = np.where(n == 1, "undefined: a rank needs two models", note)
    empty = dict.fromkeys(["ci_low", "ci_high", "published"], np.nan)
    return check(
        models.assign(
            metric=models["metric"] + "_rank",
            value=rank.where(n > 1),
            n=n,
            unit="dimensionless",
            note=note,
            **empty,
        )
    )


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
    table = _shares(table)
    columns = _columns(table)
    places = _with_gaps([subset for subset, _ in columns])
    table = table.assign(label=labels(table), control=table["model"].isin(CONTROLS), rank=_rank(table))
    table = table.assign(moved=_moved(table, table["rank"], columns[0])).sort_values("control", kind="stable")
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


def _shares(table: pd.DataFrame) -> pd.DataFrame:
    table = check(table)
    table = table[table["metric"].isin(DEFINITIONS)]
    # Models that only have published values are not drawn.
    table = table[table["value"].notna().groupby(table["model"]).transform("any")]
    if table.empty:
        raise ValueError(f"the table has none of {', '.join(DEFINITIONS)}")
    return table


def _columns(table: pd.DataFrame) -> list[Column]:
    present = set(zip(table["subset"], table["metric"], strict=True))
    subsets = dict.fromkeys(table["subset"])
    return [(s, m) for s in subsets for m in DEFINITIONS if (s, m) in present]


def _rank(table: pd.DataFrame) -> np.ndarray:
    """[rows] rank of each row, NaN where it has none."""
    ranked = ranks(table)
    ranked["metric"] = ranked["metric"].str.removesuffix("_rank")
    key = [*WHO, "metric", "subset"]
    return table[key].merge(ranked[[*key, "value"]], how="left", on=key)["value"].to_numpy()


def _moved(table: pd.DataFrame, rank: pd.Series, first: Column) -> np.ndarray:
    """[rows] places gained against the `first` column; 0 where one of the two has no rank."""
    of_first = (table["subset"] == first[0]) & (table["metric"] == first[1])
    before = table.loc[of_first, WHO].assign(before=rank[of_first])
    gained = table[WHO].merge(before, how="left", on=WHO)["before"].to_numpy() - rank.to_numpy()
    return np.nan_to_num(gained)


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
    colour = "#F5F5F5" if missing else COLOURS(cell.value)
    axes.add_patch(Rectangle((x - 0.48, y - 0.47), 0.96, 0.94, facecolor=colour, linewidth=0))
    ranked = not np.isnan(cell.rank)
    axes.text(
        x, y - 0.16 * ranked, MISSING if missing else f"{100 * cell.value:.1f}", ha="center", va="center",
        size=8.5, color=CONTROL if missing else INK,
    )  # fmt: skip
    if ranked:
        arrow = f" {'▲' if cell.moved > 0 else '▼'}{abs(cell.moved):.0f}" if cell.moved else ""
        axes.text(
            x, y + 0.23, f"rank {cell.rank:.0f}{arrow}", ha="center", va="center", size=6.5,
            color={-1: BAD, 0: "#5F6A73", 1: GOOD}[np.sign(cell.moved)],
        )  # fmt: skip
