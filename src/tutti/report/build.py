"""The report: one offline HTML page with everything embedded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tutti.benchmark import published
from tutti.benchmark.tables import declared, metrics
from tutti.core import hardware
from tutti.core.files import sha256, write_text
from tutti.core.tidy import CONTROLS, metric_name, read
from tutti.report import browser, provenance, records
from tutti.report.overview import overviews
from tutti.report.page import packed, template
from tutti.report.sections import topics
from tutti.report.tables import latex, markdown

CATALOGUES = ("datasets", "models")
FILES = 5  # named in the first paragraph


def build(
    out: Path,
    *,
    title: str = "",
    config: dict,
    tables: Sequence[Path],
    figures: Sequence[tuple[Path, str]],
    sidecars: Sequence[Path],
    benchmarks: Sequence[Path],
    sets: Sequence[browser.Set] = (),
) -> None:
    """Write the page `out` (.html), which needs no other file and no network.

    Args:
        out: results/<run>/report/index.html; other files are named relative to results/<run>.
        title: heading of the page; empty: the run's name.
        config: the run's merged configuration; that of `tutti evaluate` is {"evaluate": {"inputs": [...],
            "reference": ..., "assigners": [...], ...}}.
        tables: paths without suffix of tables that `tutti.report.tables.write` made; those without a value of
            this run are left out.
        figures: (.svg or .png file, caption). Up to the first `-`, a file is named as its figure is declared,
            and so are tables.
        sidecars: JSON files that say how a result was made. SHA-256 sums in them are listed as hashes, values
            whose name begins with `seconds` as timings; long lists are left out.
        benchmarks: Snakemake's benchmark files, in results/<run>/benchmarks at the job's place in the run;
            how long a training took is what its record (train.json) says, if that is among the sidecars.
        sets: judged samples whose molecules can be looked at.

    Raises:
        ValueError: for a figure that is neither .svg nor .png, a sidecar that is no JSON object, or a table
            or figure that is not declared.
    """
    root = out.resolve().parents[1]
    config = used(config)
    tidy = {stem: table for stem in tables if (table := read(Path(f"{stem}.csv")))["value"].notna().any()}
    told = {_name(path, root): records.read(path) for path in sidecars}
    results = [*(Path(f"{stem}.csv") for stem in tidy), *(path for path, _ in figures)]
    shown = browser.contents(sets) if sets else None
    forms = {stem.name: _forms(stem, table) for stem, table in tidy.items()}
    links = {(each.dataset, each.model, each.seed) for each in sets}
    made_with = {"configuration": config, "versions": provenance.versions(), "machine": _machine()}
    page = template("index.html.j2").render(
        title=title or root.name,
        facts=_facts(config, tidy.values()),
        given=list(records.given(told)),
        overviews=overviews({stem.name: table for stem, table in tidy.items()}, links),
        browser=shown,
        topics=topics(tidy, figures),
        glossary=_glossary({metric for table in tidy.values() for metric in table["metric"]}),
        config=records.text(config),
        versions=made_with["versions"],
        machine=made_with["machine"],
        records={name: records.text(records.without_long_lists(record)) for name, record in told.items()},
        hashes=[*records.hashes(told), *((_name(path, root), "file", sha256(path)) for path in results)],
        timings=[row for path in benchmarks for row in records.benchmark(path, _name(path, root), told)],
        recorded_times=list(records.times(told)),
        citations=published.cited(_terms(config, tidy.values())),
        data=packed({"tables": forms, "browser": shown, "made_with": made_with}),
    )
    write_text(out, page)


def _machine() -> dict[str, str]:
    return hardware.hardware() | {"commit": provenance.git_commit() or "not run from a git checkout"}


def used(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with only those catalogue entries that the rest of it names."""
    settings = {key: value for key, value in config.items() if key not in CATALOGUES}
    named = set(_strings(settings))
    for catalogue in CATALOGUES:
        if catalogue in config:
            settings[catalogue] = {name: entry for name, entry in config[catalogue].items() if name in named}
    return settings


def _strings(value: Any) -> Iterator[str]:
    """All keys and strings in nested mappings and lists."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value


def _terms(config: Mapping[str, Any], tidy: Iterable[pd.DataFrame]) -> set[str]:
    """Names that may call for a citation."""
    terms = set(_strings(config))
    for table in tidy:
        for column in ("model", "dataset", "metric", "subset"):
            terms.update(table[column])
        terms.update(word for note in table["note"] for word in note.split())
    return terms


def _facts(config: Mapping[str, Any], tidy: Iterable[pd.DataFrame]) -> dict[str, Any]:
    """What the first paragraph says, list by list."""
    tidy = list(tidy)
    rows = pd.concat([pd.DataFrame(columns=["model", "dataset", "value"]), *tidy])
    names = list(dict.fromkeys(rows["model"]))
    evaluation, generation = config.get("evaluate", {}), config.get("generation", {})
    controls = declared().controls
    judged = {model: n for model, n in _generated(tidy).items() if model not in CONTROLS}
    return {
        "models": _shortened([name for name in names if name not in CONTROLS]),
        "controls": {label: controls[name].about for name, label in CONTROLS.items() if name in names},
        "datasets": list(dict.fromkeys(rows.loc[rows["value"].notna(), "dataset"])),
        "seeds": [str(seed) for seed in config.get("seeds", [])],
        "assigners": (evaluation or (config.get("bonds", {}) if judged else {})).get("assigners", []),
        "samples": [str(generation["samples"])] if judged and "samples" in generation else [],
        "judged": {model: f"{n:,}" for model, n in judged.items()},
        "inputs": _shortened([Path(path).name for path in evaluation.get("inputs", [])]),
        "reference": Path(evaluation["reference"]).name if evaluation.get("reference") else "",
    }


def _generated(tidy: Iterable[pd.DataFrame]) -> dict[str, int]:
    """Number of samples of each model: the denominator of the validity."""
    rows = [table[(table["metric"] == "validity") & table["n"].notna()] for table in tidy]
    return {row.model: int(row.n) for table in rows for row in table.itertuples()}


def _shortened(names: list[str]) -> list[str]:
    return names if len(names) <= FILES else [*names[:FILES], f"{len(names) - FILES} more"]


def _glossary(present: set[str]) -> dict[str, str]:
    """Term and meaning of all that occurs among the metrics."""
    found = [each for each in metrics() if any(map(each.covers, present))]
    return {each.term or metric_name(each.names[0]): each.text for each in found}


def _forms(stem: Path, table: pd.DataFrame) -> dict[str, str]:
    """A table as people take it away."""
    text = Path(f"{stem}.csv").read_text(encoding="utf-8")
    return {"csv": text, "markdown": markdown(table), "latex": latex(table)}


def _name(path: Path, root: Path) -> str:
    """The file's name on the page: never more than its place in the run."""
    path = path.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
