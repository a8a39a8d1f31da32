"""Ranks of the models by validity, under every definition and assigner."""

import numpy as np
import pandas as pd

from tutti.core.tidy import CONTROLS, check, metric_name

# Shares of all generated samples, from the mildest definition to the strictest.
DEFINITIONS = ["validity", "valid_and_connected", "strictly_valid", "molecule_stability"]
WHO = ["model", "dataset", "seed"]

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
    table = shares(table)
    subset, metric = columns_of(table)[0]
    models = table[~table["model"].isin(CONTROLS) & table["value"].notna()]
    group = models.groupby(["dataset", "metric", "subset"])["value"]
    rank, n = group.rank(method="min", ascending=False), group.transform("size")
    places = moved(models, rank, (subset, metric))
    note = np.where(places != 0, f"another rank than by {metric_name(metric)} of {subset}", "")
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


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that have ranks: models with a value of their own, and controls.

    Raises:
        ValueError: when the table has none of `DEFINITIONS`.
    """
    table = check(table)
    table = table[table["metric"].isin(DEFINITIONS)]
    # Models that only have published values are not drawn.
    table = table[table["value"].notna().groupby(table["model"]).transform("any")]
    if table.empty:
        raise ValueError(f"the table has none of {', '.join(DEFINITIONS)}")
    return table


def columns_of(table: pd.DataFrame) -> list[Column]:
    """(assigner, definition) of the columns, in their order."""
    present = set(zip(table["subset"], table["metric"], strict=True))
    subsets = dict.fromkeys(table["subset"])
    return [(s, m) for s in subsets for m in DEFINITIONS if (s, m) in present]


def moved(table: pd.DataFrame, rank: pd.Series, first: Column) -> np.ndarray:
    """[rows] places gained against the `first` column; 0 where one of the two has no rank."""
    of_first = (table["subset"] == first[0]) & (table["metric"] == first[1])
    before = table.loc[of_first, WHO].assign(before=rank[of_first])
    gained = table[WHO].merge(before, how="left", on=WHO)["before"].to_numpy() - rank.to_numpy()
    return np.nan_to_num(gained)
