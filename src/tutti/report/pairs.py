"""The numbers of two runs, pair by pair, with their differences."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tutti.benchmark.tables import better, declared
from tutti.core import tidy
from tutti.core.tidy import CONTROLS, KEY, OF, split_remarks
from tutti.figures.differences import STYLES
from tutti.report.results import Results
from tutti.statistics.difference import difference

TABLE = "table"
SIDES = ("first", "second")
ENDS = ["value", "ci_low", "ci_high"]
COLUMNS = [
    *(TABLE, *KEY, "unit"),
    *(f"{side}_{name}" for side in SIDES for name in (*ENDS, "n")),
    *("difference", "ci_low", "ci_high", "verdict", "remarks"),
]
BETTER, WORSE, DIFFERENT, UNCLEAR = STYLES
UNKNOWN, SAME = "no interval", "same"
CLEAR = (BETTER, WORSE, DIFFERENT)
ONLY = {side: f"only in the {side}" for side in SIDES}
REFUSED = "not comparable"
VERDICTS = (*CLEAR, UNCLEAR, UNKNOWN, SAME, *ONLY.values(), REFUSED)
ANY_DATA = ("samples", "generators", "fits")
"""What tables are made of that says something whatever the data; other numbers need the same data."""
OF_REFERENCE = ("novelty", "mmd_")
"""Beginnings of the metrics that compare with a reference in tables that can do without one."""
MOVES_WITH_N = ("uniqueness", "valid_and_unique", "novelty", "jsd", "mmd_")
"""Beginnings of the metrics whose expectation depends on the number of molecules."""
LIKE_N = 1.1  # numbers of molecules whose ratio is below are alike
RANGE = "range of "  # begins the remark of brackets that are no interval of the value


@dataclass(frozen=True)
class Pairs:
    """What two runs have in common, and what not.

    Attributes:
        rows: with `COLUMNS`, in the order of the tables' declaration: one for each number of either run.
        renamed: for each side, what models and datasets are called in `rows`, of those with another name
            there.
        notes: in words, what was matched that bears different names.
        other_data: datasets whose data differ between the runs.
    """

    rows: pd.DataFrame
    renamed: tuple[dict[str, str], dict[str, str]]
    notes: list[str]
    other_data: list[str]

    @classmethod
    def of(cls, first: Results, second: Results) -> "Pairs":
        """Match rows by table, model, dataset, seed, metric and subset, and take their differences.

        When both runs have a single model (but for controls) under different names, these two are matched,
        and so are the references of two evaluations.
        """
        sides = (first, second)
        renamed, notes = _renamed(sides)
        frames = [_all(side, names) for side, names in zip(sides, renamed, strict=True)]
        merged = frames[0].merge(
            frames[1], how="outer", on=[TABLE, *KEY], suffixes=("_first", "_second"), indicator=True
        )
        other = _other_data(first, second, set(merged["dataset"]))
        rows = pd.DataFrame([_row(row, other) for row in merged.to_dict("records")], columns=COLUMNS)
        rows = rows.astype({f"{side}_n": "Int64" for side in SIDES})
        return cls(_in_order(_with_differences(rows), frames), renamed, notes, other)


def better_way(metric: str) -> str:
    """Which way a metric is better; "neither" for one that nothing is declared of."""
    try:
        return better(metric)
    except KeyError:  # of another version of this package
        return "neither"


def _renamed(sides: tuple[Results, Results]) -> tuple[tuple[dict[str, str], dict[str, str]], list[str]]:
    names: tuple[dict[str, str], dict[str, str]] = ({}, {})
    notes = []
    kinds = [("model", [side.models for side in sides])]
    if all(side.is_evaluation for side in sides):
        kinds.append(("reference", [side.datasets for side in sides]))
    for kind, (ours, theirs) in kinds:
        if len(ours) == len(theirs) == 1 and ours != theirs:
            both = f"{ours[0]} / {theirs[0]}"
            names[0][ours[0]] = names[1][theirs[0]] = both
            notes.append(f"the only {kind} of the first, {ours[0]}, with that of the second, {theirs[0]}")
    return names, notes


def _all(side: Results, names: dict[str, str]) -> pd.DataFrame:
    """The rows of all tables with the column `table`."""
    parts = [table.assign(**{TABLE: name}) for name, table in side.tables.items() if len(table)]
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[TABLE, *tidy.COLUMNS])
    return rows.astype({"seed": int}).replace({"model": names, "dataset": names})


def _other_data(first: Results, second: Results, datasets: Collection[str]) -> list[str]:
    """Those of the datasets that are known to be different data in the two runs."""
    one, other = first.settings.data(), second.settings.data()
    if "" in one and "" in other:  # evaluations: all their rows have the one reference
        return sorted(datasets) if one[""] != other[""] else []
    return sorted(name for name in set(one) & set(other) if one[name] != other[name])


def _row(row: dict, other_data: Collection[str]) -> dict:
    """A row of `rows` without its difference: its verdict is set where it has none."""
    found = {name: row[name] for name in (TABLE, *KEY)}
    for side in SIDES:
        found |= {f"{side}_{name}": row[f"{name}_{side}"] for name in (*ENDS, "n")}
    if row["_merge"] != "both":
        side = "first" if row["_merge"] == "left_only" else "second"
        return found | {
            "unit": row[f"unit_{side}"],
            "verdict": ONLY[side],
            "remarks": row[f"note_{side}"],
        }
    found["unit"] = row["unit_first"]
    if reason := _refusal(row, other_data):
        return found | {"verdict": REFUSED, "remarks": reason}
    same = all(_equal(row[f"{name}_first"], row[f"{name}_second"]) for name in (*ENDS, "n"))
    return found | {"verdict": SAME if same else "", "remarks": "; ".join(_remarks(row))}


def _equal(first: float, second: float) -> bool:
    return (
        bool(first == second) if pd.notna(first) and pd.notna(second) else pd.isna(first) and pd.isna(second)
    )


def _refusal(row: dict, other_data: Collection[str]) -> str:
    """Why the two numbers say nothing about each other; empty when they do."""
    if row["unit_first"] != row["unit_second"]:
        return f"units differ: {row['unit_first']} and {row['unit_second']}"
    reasons = {
        row[f"note_{side}"].removeprefix("undefined: ") or "no reason given": f"in the {side}"
        for side in SIDES
        if np.isnan(row[f"value_{side}"])
    }
    if len(reasons) == 1 and np.isnan([row[f"value_{side}"] for side in SIDES]).all():
        return f"undefined in both: {next(iter(reasons))}"
    if reasons:
        return "; ".join(f"undefined {where}: {reason}" for reason, where in reasons.items())
    denominators = [
        "; ".join(r for r in split_remarks(row[f"note_{side}"]) if r.startswith(OF)) for side in SIDES
    ]
    if denominators[0] != denominators[1]:
        return f"denominators differ: {denominators[0] or 'not said'} and {denominators[1] or 'not said'}"
    if row["dataset"] in other_data and needs_same_data(row[TABLE], row["metric"], row["model"]):
        return "another reference or other data"
    return ""


def needs_same_data(table: str, metric: str, model: str) -> bool:
    """Whether a number depends on reference or test data: with other data it is another quantity."""
    known = declared().tables.get(table)
    if known is None or known.of not in ANY_DATA or known.reference == "required" or model in CONTROLS:
        return True
    return known.reference == "optional" and metric.startswith(OF_REFERENCE)


def _remarks(row: dict) -> list[str]:
    """What to know about the pair: numbers of molecules, and what only one of the notes says."""
    notes = [split_remarks(row[f"note_{side}"]) for side in SIDES]
    counts = [row[f"n_{side}"] for side in SIDES]
    remarks = []
    if (
        row["metric"].startswith(MOVES_WITH_N)
        and pd.notna(counts).all()
        and min(counts) * LIKE_N < max(counts)
    ):
        remarks.append(f"depends on the number of molecules, {counts[0]} and {counts[1]}")
    for i, side in enumerate(SIDES):
        own = [remark for remark in notes[i] if remark not in notes[1 - i]]
        remarks += [f"{side}: {remark}" for remark in own if not remark.startswith(tidy.PUBLISHED)]
    if any(remark.startswith(RANGE) for note in notes for remark in note):
        remarks.append("brackets are ranges, not intervals")
    return remarks


def _with_differences(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with difference, interval and verdict."""
    first, second = (rows[[f"{side}_{name}" for name in ENDS]].to_numpy(float) for side in SIDES)
    found = difference(first, second)
    found[rows["verdict"].isin([*ONLY.values(), REFUSED])] = np.nan
    ranges = rows["remarks"].str.contains("brackets are ranges", regex=False)
    found[ranges | (rows["verdict"] == SAME), 1:] = np.nan
    rows[["difference", "ci_low", "ci_high"]] = found
    missing = rows["verdict"] == ""
    rows.loc[missing, "verdict"] = [_verdict(row) for row in rows[missing].itertuples()]
    return rows


def _verdict(row: tuple) -> str:
    if np.isnan(row.ci_low):
        return UNKNOWN
    if row.ci_low <= 0 <= row.ci_high:
        return UNCLEAR
    way = better_way(row.metric)
    if way == "neither":
        return DIFFERENT
    return BETTER if (row.difference > 0) == (way == "higher") else WORSE


def _in_order(rows: pd.DataFrame, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables as they are declared, and in each the clear ones first, otherwise in the order of the runs."""
    tables = [*declared().tables, *sorted(set(rows[TABLE]) - set(declared().tables))]
    keys = pd.concat([frame[[TABLE, *KEY]] for frame in frames]).drop_duplicates(ignore_index=True)
    places = {key: i for i, key in enumerate(keys.itertuples(index=False, name=None))}
    order = [
        (
            tables.index(row.table),
            VERDICTS.index(row.verdict),
            places[(row.table, *(getattr(row, k) for k in KEY))],
        )
        for row in rows.itertuples()
    ]
    return rows.iloc[sorted(range(len(rows)), key=order.__getitem__)].reset_index(drop=True)
