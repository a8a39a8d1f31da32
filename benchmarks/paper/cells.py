"""Numbers and tables as Markdown."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd
from paper.study import select

from tutti.core.tidy import CONTROLS, MISSING, PUBLISHED, metric_name
from tutti.report.escaping import markdown
from tutti.report.overview import overviews
from tutti.report.tables import number, unit_words

Name = Callable[[str], str]
"""What a model is called on the page."""


def text(value: float, unit: str, digits: int | None = None) -> str:
    """A number without its unit, fractions in percent.

    Args:
        value: in `unit`.
        unit: `1` for fractions.
        digits: decimals of percent, significant digits of others; by default as in the tables of a run.
    """
    if math.isnan(value):
        return MISSING
    if unit == "1":
        return number(value, unit, 1 if digits is None else digits)
    return number(value, unit) if digits is None else f"{float(f'{value:.{digits}g}'):,g}"


def cell(row: Any, digits: int | None = None, *, interval: bool = True) -> str:
    """`83.5 [81.2, 85.6]` of a row of a tidy table."""
    shown = text(row.value, row.unit, digits)
    if not interval or math.isnan(row.value) or math.isnan(row.ci_low):
        return shown
    return f"{shown} [{text(row.ci_low, row.unit, digits)}, {text(row.ci_high, row.unit, digits)}]"


def of_models(
    tables: dict[str, pd.DataFrame],
    title: str,
    columns: Sequence[str] | None,
    models: list[str] | None,
    name: Name,
) -> str:
    """The first table of a run's page: one row per model, below it the published numbers, then the controls.

    Args:
        tables: tidy, by name.
        title: of the overview, see `overview` in tables.yaml.
        columns: headings of those that are shown, in this order; None: all.
        models: names of those that are shown; None: all.
        name: what a model is called.

    Raises:
        ValueError: when there is no such overview or column.
    """
    found = {each["title"]: each for each in overviews(tables)}
    if title not in found:
        raise ValueError(f"no overview '{title}' of these tables; there are {', '.join(found) or 'none'}")
    headings = {each["text"]: i for i, each in enumerate(found[title]["columns"])}
    if unknown := [column for column in columns or () if column not in headings]:
        raise ValueError(f"no columns {unknown}; there are {', '.join(headings)}")
    chosen = [headings[column] for column in columns or headings]
    about = [found[title]["columns"][i] for i in chosen]
    head = ["", *(f"{each['text']} ({each['unit']})" if each["unit"] else each["text"] for each in about)]
    rows = []
    for row in found[title]["rows"]:
        model = row.key[1]
        if models is None or model in models:
            label = row.name.replace(CONTROLS.get(model, model), name(model))
            cells = (row.cells[i] for i in chosen)
            rows.append([label, *(f"{each.text} {each.interval}".strip() for each in cells)])
    return lines(head, rows)


def pivot(table: pd.DataFrame, down: str, across: str, digits: int | None, interval: bool, name: Name) -> str:
    """A tidy table with a row for each value of one column and a column for each of another.

    Published numbers stand in a row of their own below.

    Args:
        table: tidy, at most one row for each cell.
        down: column of the tidy table whose values are rows.
        across: that whose values are columns.
        digits: see `text`.
        interval: whether the 95 % intervals are shown.
        name: what a model is called.

    Raises:
        ValueError: when a cell would have several numbers.
    """
    if (twice := table.duplicated([down, across], keep=False)).any():
        several = [
            key for key in ("model", "dataset", "seed", "metric", "subset") if table[key][twice].nunique() > 1
        ]
        raise ValueError(f"several numbers in a cell; say which {', '.join(set(several) - {down, across})}")
    labels = {key: _label(table, key, name) for key in (down, across)}
    columns = list(dict.fromkeys(table[across]))
    rows = []
    for value, block in table.groupby(down, sort=False):
        ours = {getattr(row, across): row for row in block.itertuples()}
        rows.append(
            [
                labels[down](value),
                *(cell(ours[c], digits, interval=interval) if c in ours else "" for c in columns),
            ]
        )
        theirs = {
            c: text(row.published, row.unit, 2 if digits is None else digits) for c, row in ours.items()
        }
        if block["published"].notna().any():
            rows.append([f"{labels[down](value)}, {PUBLISHED}", *(theirs.get(c, "") for c in columns)])
    return lines(["", *map(labels[across], columns)], rows)


def _label(table: pd.DataFrame, column: str, name: Name) -> Callable[[str], str]:
    """How values of a column are told: models by their names, metrics with their units."""
    if column == "model":
        return name
    if column != "metric":
        return lambda value: str(value).replace("_", " ")
    units = {metric: unit_words(unit) for metric, unit in zip(table["metric"], table["unit"], strict=True)}
    return lambda metric: metric_name(metric) + (f" ({units[metric]})" if units[metric] else "")


def one(table: pd.DataFrame, **where: object) -> Any:
    """The only row whose columns have these values.

    Raises:
        ValueError: when there are several, or none.
    """
    found = select(table, **where)
    if len(found) > 1:
        open_ = [key for key in found.columns[:5] if found[key].nunique() > 1]
        there = "; ".join(f"{key}: {', '.join(map(str, dict.fromkeys(found[key])))}" for key in open_)
        raise ValueError(f"{len(found)} rows; say which of {there}")
    return next(found.itertuples())


def lines(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    cells = [list(map(markdown, row)) for row in (head, *rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
