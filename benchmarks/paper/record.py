"""Take what the pages quote of a finished run into docs/results/runs/."""

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
import yaml
from paper.catalogue import Entry

from tutti.core import sums, tidy
from tutti.core.files import atomic_path, sha256, write_text
from tutti.core.records import check as checked
from tutti.core.registry import ConfigError, closest
from tutti.core.seals import DamagedFile
from tutti.models import base
from tutti.report import records
from tutti.report.page import unpacked
from tutti.report.settings import PAGE
from tutti.report.tables import csv

LARGEST = 200_000
"""Bytes of a table in the repository."""
LARGEST_SVG = 100_000
TRAININGS, CONFIGURATION, FACTS = "trainings.csv", "configuration.yaml", "run.yaml"


def record(run: Path, entry: Entry, into: Path) -> list[str]:
    """Write tables, figures, trainings, configuration, facts of a run, and their SHA256SUMS, into a folder.

    Files that an earlier record of the same study listed there and this one lacks are removed.

    Args:
        run: results/<run>.
        entry: what to take.
        into: the folder of the record.

    Returns:
        Names of the files, without SHA256SUMS.

    Raises:
        ConfigError: for a run that is not finished, a table or figure that it lacks, or a table too large.
        DamagedFile: when a file is not as the run's SHA256SUMS says.
    """
    for folder in (run / "tables", run):
        if not (folder / sums.NAME).is_file():
            raise ConfigError(f"{run} is not finished, it lacks {folder / sums.NAME}: repeat its command")
    texts = {f"{name}.csv": _table(run, name, entry) for name in entry.tables}
    texts |= _provenance(run)
    if trained := list(_trainings(run)):
        texts[TRAININGS] = pd.DataFrame(trained).to_csv(index=False, float_format="%.8g", lineterminator="\n")
    figures = [_figure(run, name) for name in entry.figures]
    names = [*texts, *(path.name for path in figures)]
    outdated = sorted(_listed(into) - set(names))
    for name, text in texts.items():
        write_text(into / name, text)
    for path in figures:
        with atomic_path(into / path.name) as temporary:
            shutil.copyfile(path, temporary)
    sums.write(into, names)
    for name in outdated:
        (into / name).unlink(missing_ok=True)
    return names


def _listed(folder: Path) -> set[str]:
    path = folder / sums.NAME
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {line.partition("  ")[2] for line in lines}


def _table(run: Path, name: str, entry: Entry) -> str:
    path = _existing(run / "tables", name, ".csv")
    table = tidy.read(path)
    for column, values in entry.rows.get(name, {}).items():
        table = table[table[column].isin(values)]
    if len(text := csv(table)) > LARGEST:
        raise ConfigError(
            f"{path}: {len(text):,} bytes, more than {LARGEST:,}; name the rows to take in `rows`"
        )
    return text


def _figure(run: Path, name: str) -> Path:
    """The .svg, if it is small."""
    path = _existing(run / "figures", name, ".svg")
    if path.stat().st_size > LARGEST_SVG:
        path = path.with_name(f"{name}.png")
    sums.check(path, run)
    return path


def _existing(folder: Path, name: str, suffix: str) -> Path:
    path = folder / f"{name}{suffix}"
    if not path.is_file():
        there = {file.name.removesuffix(suffix) for file in folder.glob(f"*{suffix}")}
        raise ConfigError(f"{folder} has no {closest(name, there)}")
    return path


def _provenance(run: Path) -> dict[str, str]:
    """Configuration, machine and versions, as the run's page has them, and the sizes of its data."""
    page = run / PAGE
    sums.check(page, run)
    made_with = unpacked(page.read_text(encoding="utf-8")).get("made_with")
    if made_with is None:
        raise DamagedFile(page, "does not say what it was made with")
    sizes = {}
    for path in sorted((run / "data").glob("*.splits.json")):
        sums.check(path, run)
        sizes[path.name.removesuffix(".splits.json")] = records.read(path)["sizes"]
    facts = {"machine": made_with["machine"], "versions": made_with["versions"], "structures": sizes}
    return {CONFIGURATION: _yaml(without_folders(made_with["configuration"])), FACTS: _yaml(facts)}


def without_folders(value: Any) -> Any:
    """The configuration with the last part alone of every absolute path, which no other machine has."""
    if isinstance(value, dict):
        return {key: without_folders(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_folders(item) for item in value]
    absolute = isinstance(value, str) and value.startswith("/")
    return PurePosixPath(value).name if absolute else value


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)


def _trainings(run: Path) -> Iterator[dict[str, Any]]:
    """One row per training, and per model whose weights were `given`, in the order of names.

    Damaged weights are refused when they are loaded.
    """
    for path in sorted((run / "train").glob("*/*/*/train.json")):
        folder = path.parent
        sums.check(path, run)
        told = records.read(path)
        dataset, model, seed = folder.parts[-3:]
        yield {
            "dataset": dataset,
            "model": model,
            "seed": int(seed.removeprefix("seed")),
            **(_of_given(told) if "given" in told else _of_training(run, path, told)),
            "parameters": sum(weights.numel() for weights in base.load(folder).parameters()),
            "weights_sha256": sha256(folder / base.WEIGHTS),
        }


def _of_training(run: Path, path: Path, told: dict[str, Any]) -> dict[str, Any]:
    folder = path.parent
    checked(folder / "log.csv", path, "log_sha256")
    return {
        "batch_size": told["training"]["batch_size"],
        "epochs": pd.read_csv(folder / "log.csv")["epoch"].iloc[-1],
        "processor_seconds": told.get("processor_seconds", _processor_seconds(run, folder)),
        "best_loss": told["best_loss"],
        **_facts(told),
    }


def _of_given(told: dict[str, Any]) -> dict[str, Any]:
    """Where weights are from, and of those that ship how they were trained, as far as their records say."""
    known = told.get("trained")
    trained = {
        "batch_size": known["batch_size"],
        "processor_seconds": known["processor_seconds"],
        "best_loss": known["validation_loss"],
        **_facts(known),
    } if known else {}  # fmt: skip
    return {"given": told["given"]["weights"], **trained}


def _facts(told: dict[str, Any]) -> dict[str, Any]:
    made_with = told["environment"]
    return {
        "steps": told["step"],
        "wall_seconds": told["seconds"],
        "device": made_with["device"],
        "threads": made_with["torch_threads"],
        "torch": made_with["versions"]["torch"],
    }


def _processor_seconds(run: Path, training: Path) -> float | None:
    """What Snakemake measured, of trainings whose record does not say it."""
    path = run / "benchmarks" / f"{training.relative_to(run)}.tsv"
    if not path.is_file():
        return None
    sums.check(path, run)
    return float(pd.read_csv(path, sep="\t")["cpu_time"].iloc[-1])
