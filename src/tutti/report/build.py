"""The report: one offline HTML page with everything embedded."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from tutti.benchmark import published
from tutti.benchmark.tables import FILE as DECLARATIONS
from tutti.benchmark.tables import declared, metrics
from tutti.benchmark.tables import figures as all_figures
from tutti.core import hardware
from tutti.core.files import sha256, write_text
from tutti.core.tidy import CONTROLS, PUBLISHED, metric_name, read
from tutti.report import provenance, records
from tutti.report.tables import LEGEND, footnotes, latex, markdown, wide

MEDIA_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".csv": "text/csv"}
CATALOGUES = ("datasets", "models")
LONG = 60  # rows of a table that is folded
WIDTH = re.compile(r'<svg[^>]* width="([\d.]+)pt"')
POINTS_PER_REM = 9.5
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
) -> None:
    """Write the page `out` (.html), which needs no other file and no network.

    Args:
        out: results/<run>/report/index.html; other files are named relative to results/<run>.
        title: heading of the page; empty: "Tutti: <run>".
        config: the run's merged configuration; that of `tutti evaluate` is {"evaluate": {"inputs": [...],
            "reference": ..., "assigners": [...], ...}}.
        tables: paths without suffix of tables that `tutti.report.tables.write` made; those without rows are
            left out.
        figures: (.svg or .png file, caption). Up to the first `-`, a file is named as its figure is declared,
            and so are tables.
        sidecars: JSON files that say how a result was made. SHA-256 sums in them are listed as hashes, values
            whose name begins with `seconds` as timings; long lists are left out.
        benchmarks: Snakemake's benchmark files, in results/<run>/benchmarks at the job's place in the run;
            how long a training took is what its record (train.json) says, if that is among the sidecars.

    Raises:
        ValueError: for a figure that is neither .svg nor .png, a sidecar that is no JSON object, or a table
            or figure that is not declared.
    """
    root = out.resolve().parents[1]
    config = used(config)
    tidy = {stem: table for stem in tables if len(table := read(Path(f"{stem}.csv")))}
    told = {_name(path, root): records.read(path) for path in sidecars}
    results = [*(Path(f"{stem}.csv") for stem in tidy), *(path for path, _ in figures)]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tutti.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("index.html.j2").render(
        title=title or f"Tutti: {root.name}",
        facts=_facts(config, tidy.values()),
        legend=LEGEND,
        topics=_topics(tidy, figures),
        glossary=_glossary({metric for table in tidy.values() for metric in table["metric"]}),
        config=records.text(config),
        versions=provenance.versions(),
        machine=hardware.hardware() | {"commit": provenance.git_commit() or "not run from a git checkout"},
        records={name: records.text(records.without_long_lists(record)) for name, record in told.items()},
        hashes=[*records.hashes(told), *((_name(path, root), "file", sha256(path)) for path in results)],
        timings=[row for path in benchmarks for row in records.benchmark(path, _name(path, root), told)],
        recorded_times=list(records.times(told)),
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


def _topics(tidy: Mapping[Path, pd.DataFrame], figures: Sequence[tuple[Path, str]]) -> list[dict[str, Any]]:
    """Sections with their tables and figures, which are numbered through; empty sections are left out.

    Sections, and tables and figures in each, come in the order of their declaration.
    """
    topics = {
        name: {"id": name, "title": topic.title, "about": topic.about, "tables": [], "figures": []}
        for name, topic in declared().topics.items()
    }
    of_tables = {name: table.topic for name, table in declared().tables.items()}
    of_figures = {name: figure.topic for name, figure in all_figures().items()}
    numbers = count(1)
    for topic, stem in _by_topic(tidy, of_tables, topics):
        topics[topic]["tables"].append(_table(stem, tidy[stem]))
    captions = dict(figures)
    for topic, path in _by_topic(captions, of_figures, topics):
        figure = {"number": next(numbers), "uri": _data_uri(path), "caption": captions[path]}
        topics[topic]["figures"].append(figure | {"width": _width(path)})
    return [topic for topic in topics.values() if topic["tables"] or topic["figures"]]


def _by_topic(
    paths: Iterable[Path], topic_of: Mapping[str, str], topics: Iterable[str]
) -> list[tuple[str, Path]]:
    """(topic, path) in the order of the topics and, in each, of `topic_of`, which is by declared name."""
    names = {path: Path(path).stem.partition("-")[0] for path in paths}
    if unknown := [path.name for path, name in names.items() if name not in topic_of]:
        raise ValueError(f"not declared in {DECLARATIONS.name}: {', '.join(unknown)}")
    order, sections = list(topic_of), list(topics)
    paths = sorted(names, key=lambda path: (sections.index(topic_of[names[path]]), order.index(names[path])))
    return [(topic_of[names[path]], path) for path in paths]


def _glossary(present: set[str]) -> dict[str, str]:
    """Term and meaning of all that occurs among the metrics."""
    found = [each for each in metrics() if any(map(each.covers, present))]
    return {each.term or metric_name(each.names[0]): each.text for each in found}


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
