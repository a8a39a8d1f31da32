"""The sections of the page: topics, each with its tables and figures."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count, groupby
from pathlib import Path
from typing import Any

import pandas as pd

from tutti.benchmark.tables import FILE as DECLARATIONS
from tutti.benchmark.tables import declared, table_of_figure
from tutti.benchmark.tables import figures as all_figures
from tutti.core.tidy import CONTROLS, PUBLISHED, metric_name
from tutti.report.page import data_uri, size
from tutti.report.tables import footnotes, parts, subset_words, wide

LONG = 6  # rows of a table that is folded
TALL, WIDE = 42.0, 41.0  # rem: of a figure that is folded, and of one that has a row for itself
MANY = 4  # figures of one kind that are folded together


def topics(tidy: Mapping[Path, pd.DataFrame], figures: Sequence[tuple[Path, str]]) -> list[dict[str, Any]]:
    """Sections with their tables and figures, which are numbered through; empty sections are left out.

    Sections, and tables and figures in each, come in the order of their declaration; a table comes after its
    figures. Galleries of samples are left out: the browser of molecules has them.

    Raises:
        ValueError: for a figure that is neither .svg nor .png, or a table or figure that is not declared.
    """
    galleries = {name for name, figure in all_figures().items() if figure.of == "pictures"}
    captions = {path: caption for path, caption in figures if _stem(path) not in galleries}
    tables = {name: table.topic for name, table in declared().tables.items()}
    pictures = {name: figure.topic or "" for name, figure in all_figures().items()}
    numbers = count(1)
    found = []
    for name, topic in declared().topics.items():
        drawn = [
            (declared_as, list(paths))
            for declared_as, paths in groupby(_ordered(captions, pictures, name), key=_stem)
        ]
        items = []
        for stem in _ordered(tidy, tables, name):
            own = [each for each in drawn if table_of_figure(each[0]) == _stem(stem)]
            items += _figures(own, captions, numbers)
            items.append({"table": _table(stem, tidy[stem], folded=bool(own))})
            drawn = [each for each in drawn if each not in own]
        items += _figures(drawn, captions, numbers)
        if items:
            found.append({"id": name, "title": topic.title, "about": topic.about, "items": items})
    return found


def _stem(path: Path) -> str:
    """The declared name of the figure or table in a file."""
    return Path(path).stem.partition("-")[0]


def _ordered(paths: Iterable[Path], topic_of: Mapping[str, str], topic: str) -> list[Path]:
    """Those of a topic in the order of `topic_of`, which is by declared name."""
    paths = list(paths)
    if unknown := [path.name for path in paths if _stem(path) not in topic_of]:
        raise ValueError(f"not declared in {DECLARATIONS.name}: {', '.join(unknown)}")
    order = list(topic_of)
    return sorted(
        (path for path in paths if topic_of[_stem(path)] == topic), key=lambda path: order.index(_stem(path))
    )


def _figures(
    drawn: list[tuple[str, list[Path]]], captions: Mapping[Path, str], numbers: count
) -> list[dict[str, Any]]:
    """Figures by their declared names: many of one kind as an item of their own, all others as one."""
    few = [path for _, paths in drawn if len(paths) < MANY for path in paths]
    items = [{"figures": [_figure(path, captions[path], next(numbers)) for path in few]}] if few else []
    for name, paths in drawn:
        if len(paths) >= MANY:
            figures = [_figure(path, captions[path], next(numbers)) for path in paths]
            items.append({"many": metric_name(name), "figures": figures})
    return items


def _figure(path: Path, caption: str, number: int) -> dict[str, Any]:
    """What the template needs of one figure."""
    width, height = size(path) or (None, 0.0)
    return {
        "number": number,
        "uri": data_uri(path),
        "caption": caption,
        "width": "" if width is None else f"{width:.1f}",
        "wide": width is None or width > WIDE,
        "tall": height > TALL,
    }


def _table(stem: Path, tidy: pd.DataFrame, folded: bool) -> dict[str, Any]:
    """What the template needs of one table."""
    frames = [
        {"header": [*cells.index.names, *map(subset_words, cells.columns)], "rows": _rows(cells)}
        for cells in wide(tidy)
    ]
    name = Path(stem).name
    return {
        "name": name,
        "title": declared().tables[name].title,
        "folded": folded or sum(len(frame["rows"]) for frame in frames) > LONG,
        "frames": frames,
        "notes": footnotes(tidy),
    }


def _rows(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Cells of each row with the classes that style it."""
    controls = tuple(CONTROLS.values())
    rows, previous = [], None
    for (metric, model), texts in zip(cells.index, cells.to_numpy().tolist(), strict=True):
        classes = [
            *(["repeated"] if metric == previous else ["first"]),
            *(["control"] if any(label in model for label in controls) else []),
            *([PUBLISHED] if model.endswith(f", {PUBLISHED}") else []),
        ]
        rows.append(
            {
                "classes": " ".join(classes),
                "metric": metric,
                "model": model,
                "cells": [parts(text) for text in texts],
            }
        )
        previous = metric
    return rows
