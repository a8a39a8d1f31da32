"""From files of samples to tables, figures and a report."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pandas as pd

from tutti.benchmark import published
from tutti.benchmark.comparison import assemble
from tutti.benchmark.samples.measure import measure
from tutti.benchmark.tables import MOST_MODELS, Figure, declared, figures
from tutti.core import parquet, sums
from tutti.core.cache import Parts
from tutti.core.locks import alone
from tutti.core.progress import Progress
from tutti.evaluation import rows
from tutti.evaluation.folder import LOCK, RECORD, Folder
from tutti.evaluation.request import Request
from tutti.evaluation.result import Evaluation
from tutti.evaluation.sets import Sets, judge_all
from tutti.figures.drawing import draw_each
from tutti.report import tables
from tutti.report.browser import Set
from tutti.report.build import build

PICTURES = 24
MOLECULES, PAGE = "molecules.parquet", "report/index.html"


def evaluate(request: Request) -> Evaluation:
    """Make everything the request asks for.

    The folder `request.out` then holds molecules.parquet (one row per sample and assigner, in input order),
    tables/, figures/ and report/index.html, evaluation.json, which names them all, and SHA256SUMS, their
    hashes. Finished parts lie in its folder .parts, from which the same request goes on after it was stopped.
    Other files are left alone. What is left out because a library is missing is warned of.

    Raises:
        FormatError: when not a single sample of a set can be read.
        ConfigError: when the folder holds something else, see `tutti.evaluation.folder.Folder.claim`.
        tutti.core.locks.BusyError: when another evaluation is going on in the folder.
        tutti.data.download.DownloadError: when a dataset that is named cannot be had.
    """
    with alone(request.out / LOCK, str(request.out)):
        return _evaluate(request)


def _evaluate(request: Request) -> Evaluation:
    folder = Folder(request.out, request.inputs)
    drawings = list(_drawings(request))
    planned = {
        *(MOLECULES, RECORD, PAGE, sums.NAME, f"tables/{sums.NAME}"),
        *(f"tables/{name}.{form}" for name in _tables(request) for form in tables.FORMS),
        *(f"figures/{name}.{form}" for name, *_ in drawings for form in ("svg", "png")),
    }
    folder.claim(planned, request.force)
    sets, found = measured(request)
    parquet.write_parts(rows.parts(sets.samples), request.out / MOLECULES)
    tables.write_all(found.tables, request.out / "tables")
    _draw(request, sets, found.tables, drawings)
    folder.drop_others(planned)
    folder.write_record(_record(request, sets), planned)
    build(
        request.out / PAGE,
        title=", ".join(sets.samples),
        config={"evaluate": _settings(request)},
        tables=[request.out / "tables" / name for name in found.tables],
        figures=[(request.out / "figures" / f"{name}.svg", caption) for name, caption, _ in drawings],
        sidecars=[request.out / RECORD],
        benchmarks=[],
        sets=[
            Set(request.dataset, name, 0, judged) for name, judged in (sets.samples | sets.controls).items()
        ],
    )
    sums.write(request.out, planned - {sums.NAME})
    return replace(found, report=request.out / PAGE)


def measured(request: Request) -> tuple[Sets, Evaluation]:
    """The judged sets, and what was found: nothing is written but finished parts in `request.out`/.parts.

    Raises:
        FormatError, tutti.data.download.DownloadError: see `evaluate`.
    """
    for line in request.skipped:
        warnings.warn(line, stacklevel=3)
    parts = Parts(request.out / ".parts")
    sets = judge_all(request, parts)
    made = _measured(request, parts, sets)
    return sets, Evaluation(made, sets.samples, tuple(request.skipped))


def _tables(request: Request) -> list[str]:
    """Tables that are made, in the order of their declaration."""
    ranked = ["validity_ranks"] if "validity" in request.tables and len(request.sets) > 1 else []
    made = [*request.tables, *ranked]
    return [name for name in declared().tables if name in made]


def _measured(request: Request, parts: Parts, sets: Sets) -> dict[str, pd.DataFrame]:
    """All tables by name."""
    judged = sets.samples | sets.controls
    functions = {name: declared().tables[name].function for name in request.tables}
    progress = Progress("tables", len(functions) * len(judged))
    found = [
        measure(
            samples,
            sets.reference,
            functions,
            parts,
            progress,
            model=model,
            dataset=request.dataset,
            seed=0,
        )
        for model, samples in judged.items()
    ]
    progress.close()
    made = assemble(_tables(request), pd.concat(found, ignore_index=True), {})
    if request.published:
        of_samples = declared().tables
        made = {
            name: published.beside(table, request.published) if of_samples[name].of == "samples" else table
            for name, table in made.items()
        }
    return made


def _drawings(request: Request) -> Iterator[tuple[str, str, Figure]]:
    """(name, caption, declaration) of every figure."""
    known = figures()
    for table in request.tables:
        for name, figure in declared().tables[table].figures.items():
            if figure.of == "table":
                yield name, figure.caption, figure
    for table in request.tables:
        for name, figure in declared().tables[table].figures.items():
            if figure.of == "samples" and request.has_main:
                caption = figure.caption
                yield (
                    name,
                    caption if request.reference else caption.replace("reference's", "samples'"),
                    figure,
                )
    for name in request.sets:
        yield f"molecules-{name}", f"Random, not chosen, samples of {name}.", known["molecules"]


def _draw(
    request: Request, sets: Sets, made: dict[str, pd.DataFrame], drawings: list[tuple[str, str, Figure]]
) -> None:
    """Draw every figure in figures/; in those of samples the reference is grey, but for strain."""
    reference = {} if sets.reference is None else {"reference": sets.reference}
    shown = dict(islice(sets.samples.items(), MOST_MODELS))
    assigner = request.assigners[0]

    def asked(name: str, figure: Figure) -> dict[str, Any]:
        further: dict[str, Any] = {}
        if figure.of == "table":
            inputs: list[Any] = [made[next(t for t in made if name in declared().tables[t].figures)]]
        elif figure.of == "samples":
            inputs = [shown if name == "strain" else reference | shown]
        else:
            judged = sets.samples[name.removeprefix("molecules-")]
            inputs, further = [judged.structures, judged.verdicts[assigner]], {"n": PICTURES, "seed": 0}
        stem = str(request.out / "figures" / name)
        return {"function": figure.function, "stem": stem, "inputs": inputs, "further": further}

    draw_each([asked(name, figure) for name, _, figure in drawings], lambda request: request["inputs"])


def _settings(request: Request) -> dict[str, object]:
    """The request as the page shows it."""
    return {
        "inputs": [path.name for path in request.inputs],
        "reference": request.reference.name if request.reference else None,
        "test": request.test.name if request.test else None,
        "assigners": list(request.assigners),
        "charge where none is said": request.charge,
        "tables": request.tables,
        "molecules in costly checks": request.molecules,
        **({"left out": request.skipped} if request.skipped else {}),
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
