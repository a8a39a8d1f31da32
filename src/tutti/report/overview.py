"""The first screen of the page: one row per model, with value, interval and rank of what matters most."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from tutti.benchmark.tables import Column, better, declared
from tutti.core.tidy import CONTROLS, MISSING, PUBLISHED, labels
from tutti.report.browser import key_of
from tutti.report.tables import number, unit_words

NAMES = ["dataset", "model", "seed"]
Key = tuple[str, str, int]
"""Dataset, model and seed."""


@dataclass(frozen=True)
class Cell:
    """One number.

    Attributes:
        text: the value.
        interval: its 95 % interval, or empty.
        n: what it is out of or a mean over, or empty.
        sort: what it is sorted by, as text; empty where there is no number.
        rank: place among the models of the same data and seed, 1 the best; None where there is no order.
        shade: 0 for the worst of these models ... 1 for the best.
        shows: see `Column`.
        why: there is no number, or what a published one is of.
    """

    text: str = MISSING
    interval: str = ""
    n: str = ""
    sort: str = ""
    rank: int | None = None
    shade: float | None = None
    shows: str = ""
    why: str = ""


@dataclass(frozen=True)
class Row:
    """One model, control or published model; `link` is what its molecules are called in the browser."""

    kind: Literal["model", "control", "published"]
    name: str
    key: Key
    cells: tuple[Cell, ...]
    link: str = ""


def overviews(tidy: Mapping[str, pd.DataFrame], links: Collection[Key] = ()) -> list[dict[str, Any]]:
    """The first tables of the page, without columns and rows that have no number.

    Args:
        tidy: tables of the run by name.
        links: rows whose molecules can be looked at.

    Returns:
        title, headings with units, `better` of each column, and rows: of every data set the models in the
        order of the tables, each followed by its published numbers, then the controls, then models that
        have published numbers only.
    """
    found = []
    for overview in declared().overview:
        columns = [
            (column, rows_of(column, tidy[column.table]))
            for column in overview.columns
            if column.table in tidy
        ]
        columns = [(column, rows) for column, rows in columns if rows["value"].notna().any()]
        if not columns or all(set(rows["model"]) <= set(CONTROLS) for _, rows in columns):
            continue
        found.append(
            {
                "title": overview.title,
                "columns": [_heading(column, rows) for column, rows in columns],
                "rows": [
                    replace(row, link=key_of(*row.key)) if row.key in links else row
                    for row in _rows(columns, tidy)
                ],
            }
        )
    return found


def rows_of(column: Column, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of its table that a column shows."""
    of_metric = table[table["metric"] == column.metric]
    subset = column.subset or next(iter(of_metric["subset"]), "")
    return of_metric[of_metric["subset"] == subset]


def _heading(column: Column, rows: pd.DataFrame) -> dict[str, str]:
    unit = unit_words(rows["unit"].iloc[0])
    subset = rows["subset"].iloc[0] if column.subset is None else ""
    return {
        "text": column.heading,
        "unit": ", ".join(part for part in (unit, subset) if part),
        "better": better(column.metric),
    }


def _rows(columns: list[tuple[Column, pd.DataFrame]], tidy: Mapping[str, pd.DataFrame]) -> Iterator[Row]:
    cells = [_cells(column, rows) for column, rows in columns]
    measured = [key for of_column in cells for key, cell in of_column.items() if cell.sort]
    keys = sorted(dict.fromkeys(measured), key=lambda key: key[1] in CONTROLS)
    everything = pd.concat(tidy.values())
    papers = everything[everything["published"].notna()]

    def published(key: Key, name: str) -> Iterator[Row]:
        theirs = tuple(_published(column, rows, papers, key) for column, rows in columns)
        if any(cell.sort for cell in theirs):
            yield Row(PUBLISHED, f"{name}, {PUBLISHED}", key, theirs)

    for key, name in zip(keys, labels(pd.DataFrame(keys, columns=NAMES)), strict=True):
        own = tuple(of_column.get(key, Cell()) for of_column in cells)
        yield Row("control" if key[1] in CONTROLS else "model", name, key, own)
        yield from published(key, name)
    for key in _only_published(columns, tidy):
        if key not in keys:
            yield from published(key, key[1])


def _only_published(
    columns: list[tuple[Column, pd.DataFrame]], tidy: Mapping[str, pd.DataFrame]
) -> dict[Key, None]:
    """What the columns' own tables have published numbers of, see `tutti.benchmark.published.beside`."""
    tables = [tidy[name] for name in dict.fromkeys(column.table for column, _ in columns)]
    found = pd.concat([table[table["published"].notna()] for table in tables])
    return dict.fromkeys(found[NAMES].itertuples(index=False, name=None))


def _cells(column: Column, rows: pd.DataFrame) -> dict[Key, Cell]:
    """A column's cells, ranked and shaded among the models of the same data and seed."""
    cells = {}
    for (_, seed), block in rows.groupby(["dataset", "seed"], sort=False):
        models = block[~block["model"].isin(CONTROLS)]["value"]
        order = better(column.metric)
        ranks = models.rank(method="min", ascending=order == "lower") if order != "neither" else {}
        low, high = models.min(), models.max()
        for index, row in zip(block.index, block.itertuples(), strict=True):
            cell = replace(_cell(row), shows=column.shows)
            if index in ranks and models.count() > 1 and not math.isnan(row.value):
                share = (row.value - low) / (high - low) if high > low else 1.0
                shade = share if order == "higher" else 1 - share if high > low else 1.0
                cell = replace(cell, rank=int(ranks[index]), shade=round(shade, 2))
            cells[row.dataset, row.model, int(seed)] = cell
    return cells


def _cell(row: Any) -> Cell:
    if math.isnan(row.value):
        return Cell(why=row.note)
    has_interval = not math.isnan(row.ci_low)
    ends = (number(end, row.unit) for end in (row.ci_low, row.ci_high))
    return Cell(
        text=number(row.value, row.unit),
        interval=f"[{', '.join(ends)}]" if has_interval else "",
        n="" if pd.isna(row.n) else f"{row.n:,}",
        sort=f"{row.value:.9g}",
    )


def _published(column: Column, rows: pd.DataFrame, papers: pd.DataFrame, key: Key) -> Cell:
    """The papers' number for the same model, data and column."""
    dataset, model, _ = key
    metrics = [column.metric, *([column.published] if column.published else [])]
    same = papers[(papers["dataset"] == dataset) & (papers["model"] == model)]
    same = same[same["metric"].isin(metrics) & (same["subset"] == rows["subset"].iloc[0])]
    if same.empty:
        return Cell()
    theirs = same.iloc[0]
    text = number(theirs["published"], theirs["unit"], decimals=2)
    return Cell(text=text, sort=f"{theirs['published']:.9g}", why=theirs["note"])
