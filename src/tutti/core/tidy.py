"""Tidy tables: one row per number, the same columns everywhere."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from tutti.core import sums

# The one column order of every tidy table.
KEY = ["model", "dataset", "seed", "metric", "subset"]
COLUMNS = [*KEY, "value", "ci_low", "ci_high", "n", "unit", "published", "note"]
NUMBERS = ["value", "ci_low", "ci_high", "published"]
TEXTS = ["model", "dataset", "metric", "subset", "unit", "note"]
CONTROLS = {
    "test_split": "test split (control)",
    "training_split": "training split (control)",
    "whole_data": "all of the data (control)",
    "copied_training": "copied training molecules (adversary)",
    "jittered": "0.1 Å jitter (adversary)",
    "displaced_hydrogens": "displaced hydrogens (adversary)",
}
ACRONYMS = {"mmd": "MMD", "jsd": "JSD", "smiles": "SMILES", "rmsd": "RMSD", "posebusters": "PoseBusters"}
ACRONYMS |= {"kl": "KL", "mae": "MAE", "rmse": "RMSE", "mse": "MSE", "wasserstein": "Wasserstein"}
MISSING = "–"
PUBLISHED = "published"  # begins the remarks that belong to published values
OF = "of "  # begins the remark that names the denominator


def read(path: Path) -> pd.DataFrame:
    """Read a tidy .csv that `tutti.report.tables.write` made.

    Raises:
        DamagedFile: when the list of hashes beside it has another one (see `tutti.core.sums`).
        ValueError: see `check`.
    """
    sums.check(path, path.parent)
    types = dict.fromkeys(TEXTS, str)
    # Only numbers may be missing: a molecule or a model called "NA" is a name.
    missing = {name: [""] for name in [*NUMBERS, "n"]}
    return check(pd.read_csv(path, dtype=types, keep_default_na=False, na_values=missing))


def join(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The rows of several tidy tables, one after another; none when there is no table.

    Raises:
        ValueError: see `check`.
    """
    # Tables without rows must not change any column's type.
    filled = [part for part in parts if len(part)]
    return check(pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=COLUMNS))


def check(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its columns in order and their types set.

    Raises:
        ValueError: when a column is missing or unknown, or two rows have the same key.
    """
    if wrong := sorted(set(table.columns) ^ set(COLUMNS)):
        raise ValueError(
            f"a tidy table has the columns {', '.join(COLUMNS)}; missing or unknown here: {wrong}"
        )
    table = table[COLUMNS].reset_index(drop=True)
    table["note"] = table["note"].fillna("")
    table = table.astype({**dict.fromkeys(NUMBERS, float), "seed": int, "n": "Int64"})
    if (twice := table.duplicated(KEY)).any():
        raise ValueError(
            f"rows of the table share their key:\n{table.loc[twice, KEY].to_string(index=False)}"
        )
    return table


def split_remarks(note: str) -> list[str]:
    """The remarks that a note holds."""
    return [remark for remark in note.split("; ") if remark]


def labels(table: pd.DataFrame) -> pd.Series:
    """What each row's model is called: the model, with dataset and seed where the table has several."""
    names = table["model"].replace(CONTROLS)
    if table["dataset"].nunique() > 1:
        names = table["dataset"] + ": " + names
    if table["seed"].nunique() > 1:
        names = names.mask(~table["model"].isin(CONTROLS), names + ", seed " + table["seed"].astype(str))
    return names


def metric_name(metric: str) -> str:
    """The metric's name as people read it."""
    return " ".join(ACRONYMS.get(word, word) for word in metric.split("_"))
