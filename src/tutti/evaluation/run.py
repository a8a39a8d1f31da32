"""From files of samples to tables, figures and a report."""

import json
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path

import pandas as pd

from tutti import frames, published, tables
from tutti.evaluation.request import Request
from tutti.evaluation.sets import Sets, judge_all, verdicts_on
from tutti.files import write_text
from tutti.logs import announce
from tutti.parts import Parts
from tutti.plots import molecules
from tutti.plots.validity_matrix import ranks
from tutti.progress import Progress
from tutti.report.build import build
from tutti.sources import fingerprint, sources
from tutti.suite.captions import MOST_MODELS, SAMPLE_FIGURES, TABLE_FIGURES
from tutti.suite.figures import OF_SAMPLES, OF_TABLE

PICTURES = 24


def evaluate(request: Request) -> Path:
    """Make everything the request asks for; returns the path of the report.

    The folder `request.out` then holds molecules.parquet (one row per sample and assigner, in input order),
    tables/, figures/ and report/index.html. Finished parts lie in its folder .parts, from which the same
    request goes on after it was stopped.

    Raises:
        FormatError: when not a single sample of a set can be read.
    """
    parts = Parts(request.out / ".parts")
    sets = judge_all(request, parts)
    frames.write(verdicts_on(sets.samples), request.out / "molecules.parquet")
    made = _tables(request, parts, sets)
    figures = _figures(request, sets, made)
    record = request.out / "evaluation.json"
    write_text(record, json.dumps(_record(request, sets), indent=2) + "\n")
    page = request.out / "report" / "index.html"
    build(
        page,
        title=f"Tutti: {', '.join(sets.samples)}",
        config={"evaluate": _settings(request)},
        tables=[request.out / "tables" / name for name in made],
        figures=figures,
        sidecars=[record],
        benchmarks=[],
    )
    return page


def _tables(request: Request, parts: Parts, sets: Sets) -> dict[str, pd.DataFrame]:
    """All tables by name, written to tables/."""
    judged = sets.samples | sets.controls
    progress = Progress("tables", len(request.tables) * len(judged))
    known = None if sets.reference is None else sets.reference.digest
    made = {}
    for name in request.tables:
        table = import_module(f"tutti.suite.{name}").table
        key = [name, known, fingerprint(sources(f"suite.{name}"), None)]
        rows = []
        for model, samples in judged.items():
            where = {"model": model, "dataset": request.dataset, "seed": 0}
            compute = partial(table, samples, sets.reference, **where)
            rows.append(parts.get([*key, where, samples.digest], compute))
            progress.update()
        filled = published.fill(tables.join(rows))
        made[name] = published.beside(filled, request.published) if request.published else filled
    progress.close()
    if "validity" in made and len(sets.samples) > 1:
        made["validity_ranks"] = ranks(made["validity"])
    for name, table in made.items():
        tables.write(table, request.out / "tables" / name)
    _remove_others(request.out / "tables", set(made))
    return made


def _remove_others(folder: Path, names: set[str]) -> None:
    """Delete what an earlier request for other tables or figures has left in the folder."""
    for path in folder.iterdir():
        if path.stem not in names:
            path.unlink()


def _figures(request: Request, sets: Sets, made: dict[str, pd.DataFrame]) -> list[tuple[Path, str]]:
    """(file, caption) of every figure, drawn in figures/."""
    folder, drawn = request.out / "figures", []
    announce("drawing figures")
    for name, (table, caption) in TABLE_FIGURES.items():
        if table in made:
            OF_TABLE[name](made[table], folder / name)
            drawn.append((folder / f"{name}.svg", caption))
    reference = {} if sets.reference is None else {"reference": sets.reference}
    shown = dict(islice(sets.samples.items(), MOST_MODELS))
    for name, caption in SAMPLE_FIGURES.items():
        if request.draws(name):
            if not reference:
                caption = caption.replace("reference's", "samples'")
            OF_SAMPLES[name](shown if name == "strain" else reference | shown, folder / name)
            drawn.append((folder / f"{name}.svg", caption))
    for name, judged in sets.samples.items():
        stem = folder / f"molecules-{name}"
        verdicts = judged.verdicts[request.assigners[0]]
        molecules.grid(judged.structures, verdicts, stem, n=PICTURES, seed=0)
        drawn.append((Path(f"{stem}.svg"), f"Random, not chosen, samples of {name}."))
    _remove_others(folder, {path.stem for path, _ in drawn})
    return drawn


def _settings(request: Request) -> dict[str, object]:
    """The request as the page shows it."""
    return {
        "inputs": [path.name for path in request.inputs],
        "reference": request.reference.name if request.reference else None,
        "test": request.test.name if request.test else None,
        "assigners": list(request.assigners),
        "tables": request.tables,
        "molecules in costly checks": request.molecules,
    }


def _record(request: Request, sets: Sets) -> dict[str, object]:
    """What was judged, with its hashes."""
    given = sets.samples | ({} if sets.reference is None else {"reference": sets.reference})
    return _settings(request) | {
        "judged": {
            name: {
                "samples": len(judged.structures),
                "unreadable": int((judged.structures.columns["unreadable"] != "").sum()),
                "source": judged.structures.source,
                "digest": judged.structures.digest,
            }
            for name, judged in given.items()
        }
    }
