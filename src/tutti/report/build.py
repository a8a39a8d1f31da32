"""The report: one offline HTML page with everything embedded."""

import base64
import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml

from tutti import published
from tutti.files import sha256, write_text
from tutti.report import provenance
from tutti.tables import CONTROLS, LEGEND, PUBLISHED, footnotes, latex, markdown, metric_name, read, wide

MEDIA_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".csv": "text/csv"}
CATALOGUES = ("datasets", "models")
HASH = re.compile(r"[0-9a-f]{64}")
LONG = 60  # rows of a table that is folded
LIST = 20  # entries of a list in a sidecar that is shown
WIDTH = re.compile(r'<svg[^>]* width="([\d.]+)pt"')
POINTS_PER_REM = 9.5
FILES = 5  # named in the first paragraph


def build(
    out: Path,
    *,
    title: str,
    config: dict,
    tables: Sequence[Path],
    figures: Sequence[tuple[Path, str]],
    sidecars: Sequence[Path],
    benchmarks: Sequence[Path],
) -> None:
    """Write the page `out` (.html), which needs no other file and no network.

    Args:
        out: results/<run>/report/index.html; other files are named relative to results/<run>.
        title: heading of the page.
        config: the run's merged configuration; that of `tutti evaluate` is {"evaluate": {"inputs": [...],
            "reference": ..., "assigners": [...], ...}}.
        tables: paths without suffix of tables that `tutti.tables.write` made.
        figures: (.svg or .png file, caption).
        sidecars: JSON files that say how a result was made. SHA-256 sums in them are listed as hashes, values
            whose name begins with `seconds` as timings; long lists are left out.
        benchmarks: Snakemake's benchmark files.

    Raises:
        ValueError: for a figure that is neither .svg nor .png, or a sidecar that is no JSON object.
    """
    root = out.resolve().parents[1]
    config = used(config)
    tidy = {stem: read(Path(f"{stem}.csv")) for stem in tables}
    records = {_name(path, root): _record(path) for path in sidecars}
    results = [*(Path(f"{stem}.csv") for stem in tables), *(path for path, _ in figures)]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tutti.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("index.html.j2").render(
        title=title,
        facts=_facts(config, tidy.values()),
        legend=LEGEND,
        topics=_topics(tidy, figures),
        glossary=_glossary({metric for table in tidy.values() for metric in table["metric"]}),
        config=_yaml(config),
        versions=provenance.versions(),
        machine=provenance.hardware() | {"commit": provenance.git_commit() or "not run from a git checkout"},
        records={name: _yaml(_without_long_lists(record)) for name, record in records.items()},
        hashes=[*_recorded_hashes(records), *((_name(path, root), "file", sha256(path)) for path in results)],
        timings=[row for path in benchmarks for row in _benchmark(path, root)],
        recorded_times=list(_recorded_times(records)),
        citations=published.cited(_terms(config, tidy.values())),
    )
    write_text(out, page)


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


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of all that is no mapping in nested mappings."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{name}.{key}".lstrip("."))
    else:
        yield name, value


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
    purpose = _data("controls.yaml")
    judged = {model: n for model, n in _generated(tidy).items() if model not in CONTROLS}
    return {
        "models": _shortened([name for name in names if name not in CONTROLS]),
        "controls": {label: purpose.get(name, "") for name, label in CONTROLS.items() if name in names},
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


def _topics(tidy: Mapping[Path, pd.DataFrame], figures: Sequence[tuple[Path, str]]) -> list[dict[str, Any]]:
    """Sections with their tables and figures, which are numbered through; empty sections are left out."""
    topics = [topic | {"tables": [], "figures": []} for topic in _data("topics.yaml")]
    place = {name: (k, i) for k, topic in enumerate(topics) for i, name in enumerate(topic["names"])}

    def where(path: Path) -> tuple[int, int]:
        return place.get(path.stem.partition("-")[0], (len(topics) - 1, 0))

    numbers = count(1)
    for stem in sorted(tidy, key=lambda stem: where(Path(stem))):
        topics[where(Path(stem))[0]]["tables"].append(_table(stem, tidy[stem]))
    for path, caption in sorted(figures, key=lambda figure: where(figure[0])):
        figure = {"number": next(numbers), "uri": _data_uri(path), "caption": caption, "width": _width(path)}
        topics[where(path)[0]]["figures"].append(figure)
    return [topic for topic in topics if topic["tables"] or topic["figures"]]


def _glossary(metrics: set[str]) -> dict[str, str]:
    """Term and meaning of all that occurs among the metrics."""
    return {
        entry.get("term", metric_name(entry["metrics"][0])): entry["text"]
        for entry in _data("glossary.yaml")
        if any(fnmatchcase(metric, pattern) for metric in metrics for pattern in entry["metrics"])
    }


def _data(name: str) -> Any:
    return yaml.safe_load(resources.files("tutti.report").joinpath("templates", name).read_text("utf-8"))


def _table(stem: Path, tidy: pd.DataFrame) -> dict[str, Any]:
    """What the template needs of one table."""
    frames = [{"header": [*cells.index.names, *cells.columns], "rows": _rows(cells)} for cells in wide(tidy)]
    return {
        "name": Path(stem).name,
        "folded": sum(len(frame["rows"]) for frame in frames) > LONG,
        "frames": frames,
        "notes": footnotes(tidy),
        "csv": _data_uri(Path(f"{stem}.csv")),
        "markdown": markdown(tidy),
        "latex": latex(tidy),
    }


def _rows(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Texts of each row with the classes that style it."""
    controls = tuple(CONTROLS.values())
    rows, previous = [], None
    for (metric, model), texts in zip(cells.index, cells.to_numpy().tolist(), strict=True):
        classes = [
            *(["repeated"] if metric == previous else ["first"]),
            *(["control"] if any(label in model for label in controls) else []),
            *([PUBLISHED] if model.endswith(f", {PUBLISHED}") else []),
        ]
        rows.append({"classes": " ".join(classes), "texts": [metric, model, *texts]})
        previous = metric
    return rows


def _data_uri(path: Path) -> str:
    if path.suffix not in MEDIA_TYPES:
        raise ValueError(f"{path}: cannot be embedded, expected one of {', '.join(MEDIA_TYPES)}")
    return f"data:{MEDIA_TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _width(path: Path) -> str:
    """Width (rem) at which the text of an .svg figure is as large as the page's; empty: not known."""
    match = WIDTH.search(path.read_text(encoding="utf-8")[:2000]) if path.suffix == ".svg" else None
    return f"{float(match[1]) / POINTS_PER_REM:.1f}" if match else ""


def _name(path: Path, root: Path) -> str:
    """The file's name on the page: never more than its place in the run."""
    path = path.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _record(path: Path) -> dict[str, Any]:
    record = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(record, dict):
        raise ValueError(f"{path}: expected a JSON object")
    return record


def _without_long_lists(value: Any) -> Any:
    """The record with a remark in the place of every list that is too long to be read."""
    if isinstance(value, Mapping):
        return {key: _without_long_lists(item) for key, item in value.items()}
    if isinstance(value, list) and len(value) > LIST:
        return f"({len(value):,} entries, in the file)"
    return value


def _yaml(value: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=100)


def _recorded_hashes(records: Mapping[str, dict]) -> Iterator[tuple[str, str, str]]:
    for name, record in records.items():
        for key, value in _leaves(record):
            if isinstance(value, str) and HASH.fullmatch(value):
                yield name, key, value


def _recorded_times(records: Mapping[str, dict]) -> Iterator[tuple[str, str, str]]:
    for name, record in records.items():
        for key, value in _leaves(record):
            if key.rpartition(".")[2].startswith("seconds") and isinstance(value, int | float):
                yield name, key.replace("_", " "), f"{value:.4g}"


def _benchmark(path: Path, root: Path) -> Iterator[dict[str, str]]:
    """Wall time (s), peak resident memory (MB) and mean load (%) of a job; – where nothing was measured."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            measured = {key: row[key] for key in ("s", "max_rss", "mean_load")}
            shown = {
                key: f"{float(v):.1f}" if v not in ("-", "NA", "") else "–" for key, v in measured.items()
            }
            yield {"job": _name(path, root), **shown}
