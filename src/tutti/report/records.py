"""What the records of a run say: how its results were made, hashes and times."""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tutti.core import records
from tutti.core.seals import DamagedFile

HASH = re.compile(r"[0-9a-f]{64}")
LIST = 20  # entries of a list that are shown

Records = Mapping[str, Mapping[str, Any]]
"""Contents of JSON files, by their name in the run."""


def read(path: Path) -> dict[str, Any]:
    """The record in a JSON file; those of earlier versions, and what people write, have no checksum.

    Raises:
        DamagedFile: when it is damaged, or no JSON object.
    """
    return records.read(path, by_hand=True)


def text(record: Mapping[str, Any]) -> str:
    """The record as people read it."""
    return yaml.safe_dump(dict(record), sort_keys=False, allow_unicode=True, width=100)


def without_long_lists(value: Any) -> Any:
    """The record with a remark in the place of every list that is too long to be read."""
    if isinstance(value, Mapping):
        return {key: without_long_lists(item) for key, item in value.items()}
    if isinstance(value, list) and len(value) > LIST:
        return f"({len(value):,} entries, in the file)"
    return value


def hashes(records: Records) -> Iterator[tuple[str, str, str]]:
    """(record, dotted name, SHA-256) of every hash in them."""
    for name, record in records.items():
        for key, value in leaves(record):
            if isinstance(value, str) and HASH.fullmatch(value):
                yield name, key, value


def given(records: Records) -> Iterator[dict[str, Any]]:
    """`model`, `dataset`, `weights` and `remarks` of all whose weights were given, not trained; once each."""
    told = {}
    for name, record in records.items():
        if "given" in record:
            _, dataset, model, *_ = name.split("/")
            told[model, dataset] = {"model": model, "dataset": dataset, **record["given"]}
    yield from told.values()


def times(records: Records) -> Iterator[tuple[str, str, str]]:
    """(record, what was measured, s) of every value whose name begins with `seconds`."""
    for name, record in records.items():
        for key, value in leaves(record):
            if key.rpartition(".")[2].startswith("seconds") and isinstance(value, int | float):
                yield name, key.replace("_", " "), f"{value:.4g}"


def benchmark(path: Path, name: str, records: Records) -> Iterator[dict[str, str]]:
    """Wall time (s), peak resident memory (MB) and mean load (%) of a job; – where nothing was measured.

    Args:
        path: Snakemake's benchmark file.
        name: its name in the run.
        records: those of trainings tell the time of all their starts; Snakemake measures the last.

    Raises:
        DamagedFile: when it is no such file.
    """
    training = records.get(f"{name.removeprefix('benchmarks/').removesuffix('.tsv')}/train.json", {})
    whole = {"s": str(training["seconds"])} if "seconds" in training else {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                measured = {key: (row | whole)[key] for key in ("s", "max_rss", "mean_load")}
                shown = {
                    key: f"{float(v):.1f}" if v not in ("-", "NA", "") else "–" for key, v in measured.items()
                }
                yield {"job": name, **shown}
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFile(path, f"not what Snakemake wrote ({error!r})") from error


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of all that is no mapping in nested mappings."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, f"{name}.{key}".lstrip("."))
    else:
        yield name, value
