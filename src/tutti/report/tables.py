"""Tidy tables as .csv, and their wide form for people as .md and .tex."""

import re
from collections.abc import Iterable, Mapping
from csv import QUOTE_MINIMAL, QUOTE_NONNUMERIC
from pathlib import Path

import numpy as np
import pandas as pd

from tutti.core import sums
from tutti.core.files import write_text
from tutti.core.tidy import CONTROLS, MISSING, OF, PUBLISHED, check, labels, metric_name, split_remarks
from tutti.report import escaping

ROUNDING = 1e-9  # in any unit of a table: what is below is shown as 0
FORMS = ("csv", "md", "tex")
LEGEND = "Cells: value [95 % interval] (n)."

_DIGITS, _SUPERSCRIPTS = "0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"
CELL = re.compile(
    r"(?P<value>\S*)( (?P<interval>\[.*\]))?( \((?P<n>\d+)\))?( (?P<marks>[" + _SUPERSCRIPTS + r",]+))?"
)
_RAISE = str.maketrans(_DIGITS, _SUPERSCRIPTS)


def write(table: pd.DataFrame, stem: Path) -> None:
    """Write `stem`.csv (tidy), `stem`.md and `stem`.tex (wide, with footnotes). Same table, same bytes.

    Raises:
        ValueError: when a column is missing or unknown, or two rows have the same key.
    """
    table = check(table)
    write_text(f"{stem}.csv", csv(table))
    write_text(f"{stem}.md", markdown(table))
    write_text(f"{stem}.tex", latex(table))


def write_all(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write tables by name into a folder, see `write`, and beside them their hashes (`tutti.core.sums`).

    Raises:
        ValueError: see `write`.
    """
    for name, table in tables.items():
        write(table, folder / name)
    sums.write(folder, (f"{name}.{form}" for name in tables for form in FORMS))


def csv(table: pd.DataFrame) -> str:
    """The tidy form, as text with commas; names are as they are, see `tutti.report.escaping`."""
    return comma_separated(check(table))


def comma_separated(table: pd.DataFrame) -> str:
    """A table as CSV, from which pandas reads every text again."""
    texts = table.select_dtypes(["object", "string"]).columns
    # Python quotes no carriage return, and every reader takes one for the end of a line.
    returns = any(table[name].astype(str).str.contains("\r", regex=False).any() for name in texts)
    quoting = QUOTE_NONNUMERIC if returns else QUOTE_MINIMAL
    return table.to_csv(index=False, float_format="%.8g", lineterminator="\n", quoting=quoting)


def wide(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The form for people: rows are metrics and in each of them models, columns are subsets, cells are text.

    A cell reads `83.5 [81.2, 85.6] (500)`: value, 95 % interval, n; fractions (unit `1`) are in percent.
    Controls come last in their metric. Published values stand in a row of their own below the model's, or
    instead of it where there is no value of ours.
    A missing value is `–`; superscripts are the numbers of `footnotes(table)`. A note may hold several
    remarks, separated by `; `; one that begins with `published` belongs to the published value, and one that
    begins with `of` names the denominator, which stands in the metric's heading.

    Returns:
        One frame for metrics with the same subsets; a metric that has only some of the subsets of the one
        before stands in its frame.
    """
    table = _controls_last(check(table))
    table["label"] = labels(table)
    notes = footnotes(table)
    return [_wide(table[table["metric"].isin(metrics)], notes) for metrics in _with_like_subsets(table)]


def _with_like_subsets(table: pd.DataFrame) -> list[list[str]]:
    """The metrics in order, in groups whose first one has all the subsets of the others."""
    groups: list[list[str]] = []
    columns: set[str] = set()
    for metric, subsets in table.groupby("metric", sort=False)["subset"]:
        if not groups or not columns.issuperset(subsets):
            groups.append([])
            columns = set(subsets)
        groups[-1].append(metric)
    return groups


def _wide(table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    rows: dict[tuple[str, str], dict[str, str]] = {}
    headings = {metric: _heading(rows) for metric, rows in table.groupby("metric", sort=False)}
    for (metric, *_), block in table.groupby(["metric", "dataset", "model", "seed"], sort=False):
        ours, theirs = {}, {}
        for row in block.itertuples():
            remarks = _remarks(row.note)
            ours[row.subset] = cell(row) + marks(notes, [r for r in remarks if not r.startswith(PUBLISHED)])
            if not np.isnan(row.published):
                text = number(row.published, row.unit, decimals=2)
                theirs[row.subset] = text + marks(notes, [r for r in remarks if r.startswith(PUBLISHED)])
        key = headings[metric], row.label
        if block["value"].notna().any() or not theirs:
            rows[key] = ours
        if theirs:
            rows[key[0], f"{key[1]}, {PUBLISHED}"] = theirs
    keys = sorted(rows, key=lambda key: list(headings.values()).index(key[0]))
    index = pd.MultiIndex.from_tuples(keys, names=["metric", "model"])
    columns = list(dict.fromkeys(table["subset"]))
    return pd.DataFrame([rows[key] for key in keys], index=index, columns=columns).fillna("")


def footnotes(table: pd.DataFrame) -> list[str]:
    """The distinct remarks in the table's notes, numbered in this order by the wide form."""
    notes = _controls_last(table)["note"]
    return list(dict.fromkeys(remark for note in notes for remark in _remarks(note)))


def markdown(table: pd.DataFrame) -> str:
    """The wide form as GitHub tables with their footnotes."""
    lines = []
    for frame in wide(table):
        cells = _without_repeats(frame).map(escaping.markdown).rename(columns=escaping.markdown)
        lines += [cells.to_markdown(index=False, disable_numparse=True), ""]
    lines.append(LEGEND if lines else "No rows.")
    notes = footnotes(table)
    lines += [f"{i}. {escaping.markdown(note, True)}" for i, note in enumerate(notes, start=1)]
    return "\n".join(lines) + "\n"


def latex(table: pd.DataFrame) -> str:
    """The wide form as LaTeX tabulars (package booktabs) with their footnotes."""
    lines = ["% needs \\usepackage{booktabs}"]
    for frame in wide(table):
        cells = _without_repeats(frame)
        lines += [
            rf"\begin{{tabular}}{{ll{'r' * (cells.shape[1] - 2)}}}",
            r"\toprule",
            _tex_row(cells.columns),
        ]
        for row in cells.itertuples(index=False):
            if row[0]:
                lines.append(r"\midrule")
            lines.append(_tex_row(row))
        lines += [r"\bottomrule", r"\end{tabular}", ""]
    lines.append(rf"{{\footnotesize {escaping.latex(LEGEND)}")
    lines += [
        rf"\textsuperscript{{{i}}} {escaping.latex(note)}" for i, note in enumerate(footnotes(table), start=1)
    ]
    return "\n".join(lines) + "}\n"


def _controls_last(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values("model", key=lambda models: models.isin(CONTROLS), kind="stable")


def _heading(rows: pd.DataFrame) -> str:
    """Name, unit and, where it is the same for all, denominator of one metric's rows."""
    parts = [unit_words(rows["unit"].iloc[0])]
    named = {remark for note in rows["note"] for remark in split_remarks(note) if remark.startswith(OF)}
    if len(named) == 1:
        parts.append(named.pop())
    shown = " ".join(part for part in parts if part)
    name = metric_name(rows["metric"].iloc[0])
    return f"{name} ({shown})" if shown else name


def unit_words(unit: str) -> str:
    """A unit as headings have it: fractions are in percent, and a number without a unit has none."""
    return {"1": "%", "dimensionless": ""}.get(unit, unit)


def subset_words(subset: str) -> str:
    """The subset as a page has it, where its lines break between words."""
    return subset.replace("_", " ")


def _remarks(note: str) -> list[str]:
    """The remarks that become footnotes."""
    return [remark for remark in split_remarks(note) if not remark.startswith(OF)]


def marks(notes: list[str], remarks: list[str]) -> str:
    """Superscript numbers of the remarks among the footnotes, after a space; empty without remarks."""
    numbers = ",".join(str(notes.index(remark) + 1) for remark in remarks)
    return f" {numbers.translate(_RAISE)}" if numbers else ""


def number(value: float, unit: str, decimals: int = 1) -> str:
    """The value as it stands in a cell: fractions (unit `1`) in percent with so many decimals."""
    if unit == "1":
        return f"{100 * value:.{decimals}f}"
    return "0" if abs(value) < ROUNDING else f"{value:.4g}"


def cell(row: tuple) -> str:
    """`value [interval] (n)` of a row of a tidy table; a missing value is `–`."""
    if np.isnan(row.value):
        return MISSING
    parts = [number(row.value, row.unit)]
    if not np.isnan(row.ci_low):
        parts.append(f"[{number(row.ci_low, row.unit)}, {number(row.ci_high, row.unit)}]")
    if not pd.isna(row.n):
        parts.append(f"({row.n})")
    return " ".join(parts)


def parts(text: str) -> dict[str, str]:
    """The parts of a cell of the wide form: `value`, `interval`, `n` and `marks`, empty where it has none."""
    match = CELL.fullmatch(text)
    if match is None:
        raise ValueError(f"no cell of a table: {text!r}")
    return {name: found or "" for name, found in match.groupdict().items()}


def _without_repeats(cells: pd.DataFrame) -> pd.DataFrame:
    """The wide form with its index as columns, each metric named once."""
    cells = cells.reset_index()
    cells["metric"] = cells["metric"].where(~cells["metric"].duplicated(), "")
    return cells


def _tex_row(texts: Iterable[str]) -> str:
    return " & ".join(map(escaping.latex, texts)) + r" \\"
