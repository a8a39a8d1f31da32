"""The rows of single molecules: one per sample and assigner, in input order."""

from collections.abc import Iterator, Mapping

import pandas as pd

from tutti.benchmark.samples.judged import Judged
from tutti.benchmark.samples.molecules import molecules

PART = 20_000
"""Samples whose rows are made at a time; those of a million would take gigabytes."""
FIRST = (
    "model",
    "sample",
    "id",
    "file",
    "frame",
    "assigner",
    "valid",
    "reason",
    "message",
    "unreadable",
    "finished",
)
"""The first columns."""


def parts(samples: Mapping[str, Judged]) -> Iterator[pd.DataFrame]:
    """Rows of sets of samples, part by part: file, place, whether finished, verdict, checks."""
    for name, judged in samples.items():
        for start in range(0, len(judged.structures), PART):
            yield _part(name, judged, slice(start, start + PART))


def _part(name: str, judged: Judged, rows: slice) -> pd.DataFrame:
    verdicts, checks = (
        {key: frame.iloc[rows] for key, frame in frames.items()}
        for frames in (judged.verdicts, judged.checks)
    )
    table = molecules(verdicts, checks)
    table["sample"] += rows.start
    origin = {
        column: judged.structures.columns[column][table["sample"]]
        for column in ("file", "frame", "unreadable")
    }
    table = table.assign(model=name, finished=judged.finished[table["sample"]], **origin)
    return table[[*FIRST, *(column for column in table.columns if column not in FIRST)]]


def whole(samples: Mapping[str, Judged]) -> pd.DataFrame:
    """All rows; what are lists in a row are Python's, which every way of writing a frame can write."""
    table = pd.concat(parts(samples), ignore_index=True)
    listed = [name for name, of in table.dtypes.items() if str(of).startswith("list<")]
    return table.assign(**{name: pd.Series(table[name].tolist(), dtype=object) for name in listed})
