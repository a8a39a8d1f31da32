"""Two runs side by side: one offline page with the differences of all numbers."""

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from tutti.benchmark.tables import declared
from tutti.core.files import write_text
from tutti.core.registry import ConfigError
from tutti.core.tidy import CONTROLS, MISSING, labels, metric_name, split_remarks
from tutti.figures import differences as forest
from tutti.report import page, pairs, settings
from tutti.report.overview import rows_of
from tutti.report.pairs import CLEAR, ONLY, REFUSED, SAME, SIDES, TABLE, UNCLEAR, UNKNOWN, Pairs
from tutti.report.results import Results
from tutti.report.tables import cell, comma_separated, marks, number, subset_words, unit_words

PAGE, NUMBERS = "index.html", "differences.csv"
MARK = '<meta name="generator" content="tutti compare">'
"""In every page of a comparison, so that no other file is overwritten."""
OTHER_TOPIC = "other"
MOST_ROWS = 60  # of the figure
CAPTION = (
    "Differences of headline numbers with their 95 % intervals: {second} minus {first}. Where an interval "
    "crosses the line there is no clear difference."
)


def compare(first: Path, second: Path, out: Path) -> Path:
    """Compare the results in two folders; returns the path of the page.

    The folder `out` then holds index.html, which needs no other file and no network, and differences.csv:
    one row for each number of either run, with the columns `tutti.report.pairs.COLUMNS`. Differences are
    second - first, with the interval of `tutti.statistics.difference`.

    Args:
        first: results/<run> of the workflow, or what `tutti evaluate` made.
        second: the same.
        out: folder; another comparison in it is overwritten, and no other file.

    Raises:
        FileNotFoundError: when one of the runs does not exist.
        ConfigError: when one holds no results, both are the same folder, or `out` has files of these names
            that are no comparison's.
        FormatError: for a broken table or record.
        NotADirectoryError: when `out` is a file.
    """
    names = _names(first, second)
    _claim(out)
    sides = (Results.read(first), Results.read(second))
    found = Pairs.of(*sides)
    numbers = comma_separated(found.rows)
    text = page.template("compare.html.j2").render(_content(sides, found, names, numbers))
    write_text(out / NUMBERS, numbers)
    write_text(out / PAGE, text)
    return out / PAGE


def _names(first: Path, second: Path) -> tuple[str, str]:
    """What the two are called: their folders, with as many of those above as tell them apart."""
    parts = [path.resolve().parts for path in (first, second)]
    if parts[0] == parts[1]:
        raise ConfigError(f"{first} and {second} are the same folder")
    depth = next(n for n in range(1, max(map(len, parts)) + 1) if parts[0][-n:] != parts[1][-n:])
    return "/".join(parts[0][-depth:]), "/".join(parts[1][-depth:])


def _claim(out: Path) -> None:
    """Refuse a folder in which a file would be overwritten that no comparison has made."""
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out}: is a file; --out names a folder")
    for name, mark in {PAGE: MARK, NUMBERS: ",".join(pairs.COLUMNS)}.items():
        path = out / name
        if path.exists() and mark not in path.read_text(encoding="utf-8", errors="replace")[:2000]:
            raise ConfigError(f"{path} was made by no comparison; choose another --out", "--out")


def _content(
    sides: tuple[Results, Results], found: Pairs, names: tuple[str, str], numbers: str
) -> dict[str, Any]:
    """All that the template needs; `numbers` is the .csv."""
    counts = _counts(found.rows)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / NUMBERS
        write_text(table, numbers)
        embedded = {
            "csv": page.data_uri(table),
            "figure": _figure(found.rows, names, Path(folder) / "differences"),
        }
    return {
        "mark": MARK,
        "names": names,
        "matched": found.notes,
        "other_data": found.other_data,
        "counts": counts,
        "chance": f"{0.05 * counts['intervals']:.2g}",
        "repeated": sorted({*sides[0].repeated, *sides[1].repeated}),
        **embedded,
        **_made_with(sides, found),
        **_listed(found.rows, names),
    }


def _made_with(sides: tuple[Results, Results], found: Pairs) -> dict[str, Any]:
    rows = settings.differences(*(side.settings for side in sides), *found.renamed)
    return {
        "recorded": all(side.settings.records for side in sides),
        "mixed": sides[0].is_evaluation != sides[1].is_evaluation,
        "versions": all(side.settings.versions for side in sides),
        "decisive": [row for row in rows if row[-1]],
        "other": [row for row in rows if not row[-1]],
    }


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    """How many numbers have which verdict, and how many intervals there are."""
    told = {verdict: int((rows["verdict"] == verdict).sum()) for verdict in pairs.VERDICTS}
    clear = sum(told[verdict] for verdict in CLEAR)
    intervals = clear + told[UNCLEAR]
    return {
        "compared": intervals + told[UNKNOWN] + told[SAME],
        **{verdict: told[verdict] for verdict in CLEAR},
        **{"unclear": told[UNCLEAR], "same": told[SAME], "unknown": told[UNKNOWN]},
        **{f"only_{side}": told[ONLY[side]] for side in SIDES},
        **{"refused": told[REFUSED], "intervals": intervals, "excluding": clear},
    }


def _listed(rows: pd.DataFrame, names: tuple[str, str]) -> dict[str, Any]:
    """Sections and lists of the page."""
    refused = rows[rows["verdict"] == REFUSED]
    alone = {name: rows[rows["verdict"] == ONLY[side]] for side, name in zip(SIDES, names, strict=True)}
    return {
        "topics": _topics(rows[~rows["verdict"].isin([REFUSED, *ONLY.values()])], names),
        "refused": _table(refused, names, hidden=("difference", "verdict")) if len(refused) else None,
        "alone": {
            name: _table(part, (name, name), hidden=("difference", "verdict", SIDES[1 - i]))
            for i, (name, part) in enumerate(alone.items())
            if len(part)
        },
    }


def _topics(rows: pd.DataFrame, names: tuple[str, str]) -> list[dict[str, Any]]:
    """Sections with their tables: what differs clearly is shown, the rest is folded."""
    titles = {name: topic.title for name, topic in declared().topics.items()} | {OTHER_TOPIC: "Other"}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in titles}
    hidden = () if rows["model"].nunique() > 1 else ("model",)
    for name, part in rows.groupby(TABLE, sort=False):
        known = declared().tables.get(name)
        clear = part["verdict"].isin(CLEAR)
        parts = {"shown": part[clear], "folded": part[~clear]}
        table = {key: _table(each, names, hidden) if len(each) else None for key, each in parts.items()}
        found[known.topic if known else OTHER_TOPIC].append(
            {"title": known.title if known else name.replace("_", " "), **table}
        )
    return [{"id": name, "title": titles[name], "tables": each} for name, each in found.items() if each]


def _table(rows: pd.DataFrame, names: tuple[str, str], hidden: Collection[str] = ()) -> dict[str, Any]:
    """Headings by column, texts of the rows, and footnotes.

    Remarks are footnotes of the verdicts; where these are hidden, they have a column.
    """
    columns = ["metric", "subset", "model", *SIDES, "difference", "verdict", "remarks"]
    headings = dict(zip(columns, columns, strict=True)) | dict(zip(SIDES, names, strict=True))
    dropped = [*hidden, *([] if "verdict" in hidden else ["remarks"])]
    remarks = dict.fromkeys(remark for note in rows["remarks"] for remark in split_remarks(note))
    notes = [] if "verdict" in hidden else list(remarks)
    return {
        "columns": {key: headings[key] for key in columns if key not in dropped},
        "rows": _texts(rows, notes),
        "notes": notes,
    }


def _texts(rows: pd.DataFrame, notes: list[str]) -> list[dict[str, Any]]:
    """The rows as the page shows them, with the `styles` of cells; verdicts bear the numbers of `notes`."""
    cells = [_cells(rows, side) for side in SIDES]
    return [
        {
            "metric": _metric(row),
            "subset": subset_words(row.subset),
            "model": label,
            **dict(zip(SIDES, values, strict=True)),
            "difference": _difference(row),
            "verdict": row.verdict + (marks(notes, split_remarks(row.remarks)) if notes else ""),
            "remarks": row.remarks,
            "styles": {"verdict": row.verdict if row.verdict in CLEAR else "unclear", "remarks": "long"},
        }
        for row, label, *values in zip(rows.itertuples(), labels(rows), *cells, strict=True)
    ]


def _cells(rows: pd.DataFrame, side: str) -> list[str]:
    """Value, interval and n of one side."""
    names = [*pairs.ENDS, "n"]
    values = rows[["unit", *(f"{side}_{name}" for name in names)]].set_axis(["unit", *names], axis=1)
    return [cell(row) for row in values.itertuples()]


def _metric(row: tuple) -> str:
    unit = unit_words(row.unit)
    return f"{metric_name(row.metric)} ({unit})" if unit else metric_name(row.metric)


def _difference(row: tuple) -> str:
    if pd.isna(row.difference):
        return MISSING
    text = f"{'+' if row.difference > 0 else ''}{number(row.difference, row.unit)}"
    if pd.isna(row.ci_low):
        return text
    return f"{text} [{number(row.ci_low, row.unit)}, {number(row.ci_high, row.unit)}]"


def _figure(rows: pd.DataFrame, names: tuple[str, str], stem: Path) -> dict[str, str] | None:
    """The forest plot of what the first table of a run's page has; None when nothing has an interval."""
    columns = [column for overview in declared().overview for column in overview.columns]
    headlines = [
        rows_of(column, rows[rows[TABLE] == column.table]).sort_values("model") for column in columns
    ]
    chosen = pd.concat(headlines, ignore_index=True)
    chosen = chosen[~chosen["model"].isin(CONTROLS) & chosen["ci_low"].notna()]
    if chosen.empty:
        return None
    more = f" The first {MOST_ROWS} of {len(chosen)}." if len(chosen) > MOST_ROWS else ""
    forest.draw(chosen.head(MOST_ROWS), stem)
    drawn = stem.with_suffix(".svg")
    caption = CAPTION.format(first=names[0], second=names[1]) + more
    width, _ = page.size(drawn) or ("", "")
    return {"uri": page.data_uri(drawn), "width": width, "caption": caption}
