"""Tidy tables as .csv, and their wide form for people as .md and .tex."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from tutti.files import write_text

COLUMNS = (
    "model dataset seed metric subset value ci_low ci_high n unit published note".split()
)  # the one column order of every tidy table
CONTROLS = {"test_split": "test split (control)", "training_split": "training split (control)"}
MISSING = "–"
NUMBERS = ("value", "ci_low", "ci_high", "published")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_TEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "[": "{[}",  # a bracket that starts a cell after \\ would be read as an option
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "–": "--",
    "Å": r"\AA{}",
    **{chr(sign): rf"\textsuperscript{{{digit}}}" for digit, sign in zip("0123456789", _SUPERSCRIPTS.values())},
}


def write(table: pd.DataFrame, stem: Path) -> None:
    """Write `stem`.csv (tidy), `stem`.md and `stem`.tex (wide, with footnotes). Same table, same bytes.

    Raises:
        ValueError: when a column is missing or unknown, or two rows have the same key.
    """
    table = check(table)
    write_text(f"{stem}.csv", csv(table))
    write_text(f"{stem}.md", markdown(table))
    write_text(f"{stem}.tex", latex(table))


def read(path: Path) -> pd.DataFrame:
    """Read a tidy .csv that `write` made."""
    text = {"model": str, "dataset": str, "metric": str, "subset": str, "unit": str, "note": str}
    table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values={name: [""] for name in NUMBERS})
    return check(table)


def check(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its columns in order and its types set.

    Raises:
        ValueError: when a column is missing or unknown, or two rows have the same key.
    """
    if set(table.columns) != set(COLUMNS):
        wrong = sorted(set(table.columns) ^ set(COLUMNS))
        raise ValueError(f"a tidy table has the columns {', '.join(COLUMNS)}; missing or unknown here: {wrong}")
    table = table[list(COLUMNS)].reset_index(drop=True)
    table = table.astype({**dict.fromkeys(NUMBERS, float), "seed": int, "n": "Int64"})
    table["note"] = table["note"].fillna("")
    twice = table.duplicated(["model", "dataset", "seed", "metric", "subset"])
    if twice.any():
        raise ValueError(f"two rows of the table have the same key:\n{table[twice].to_string()}")
    return table


def csv(table: pd.DataFrame) -> str:
    """The tidy table as CSV, eight significant digits, empty where there is no number."""
    return check(table).to_csv(index=False, float_format="%.8g", lineterminator="\n")


def wide(table: pd.DataFrame) -> pd.DataFrame:
    """The form for people: one row per metric and model, one column per subset, cells as text.

    A cell reads `83.5 [81.2, 85.6] (500)`: value, 95 % interval, n. Fractions (unit `1`) are in percent. Rows
    of controls come last in their metric. A model with published values has a row of them below its own.
    Superscripts point into `footnotes(table)`.
    """
    table = check(table)
    rows = pd.concat([table.assign(row=_labels(table), cell=_cells(table)), _published_rows(table)])
    rows["control"] = rows["model"].isin(CONTROLS)
    metrics = list(dict.fromkeys(rows["metric"]))
    rows = rows.sort_values(["metric", "control"], key=_order(metrics), kind="stable")
    rows["metric"] = [_heading(metric, unit) for metric, unit in zip(rows["metric"], rows["unit"], strict=True)]
    keys = list(dict.fromkeys(zip(rows["metric"], rows["row"], strict=True)))
    cells = rows.pivot(index=["metric", "row"], columns="subset", values="cell")
    cells = cells.reindex(index=pd.MultiIndex.from_tuples(keys), columns=list(dict.fromkeys(rows["subset"])))
    return cells.fillna("").rename_axis(index=["metric", "model"], columns=None)
