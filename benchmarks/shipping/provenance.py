"""The record of a model that ships: where its weights come from, what they are for, how good they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shipping import outputs
from shipping.finished import ROOT, SEED, Disagreement, Finished
from tutti.benchmark import published
from tutti.core import tidy
from tutti.core.elements import symbol
from tutti.core.files import sha256
from tutti.core.structures import Structures
from tutti.models.shipped import formulas

FORMULAS = 10
"""At most so many are named; a model of more kinds of molecules is one of all of its elements."""
DATA = {
    "qm9": ("B3LYP/6-31G(2df,p)", "CC0 1.0"),
    "rmd17": ("PBE/def2-SVP", "CC0 1.0"),
    "trajectory": ("GFN2-xTB", "MIT; made by Tutti"),
}
"""Method and licence of the data, by kind of dataset."""
TESTS = {
    "generators": {
        "validity": ("validity", "validity", "xyz2mol"),
        "uniqueness": ("validity", "uniqueness", "xyz2mol"),
    },
    "forcefields": {
        "energy MAE": ("errors", "energy_mae", "test"),
        "force MAE": ("errors", "force_mae", "test"),
    },
}
"""Table, metric and subset of what is told of a model's test."""


def of(training: Finished, name: str) -> dict[str, Any]:
    """The record of a training under the name that it ships by.

    Raises:
        Disagreement: when the run's files disagree, or nothing is known of the licence of the data.
    """
    said, kind = training.training, training.training["model"]["kind"]
    generator = kind == "generators"
    sampling = {key: training.samples[key] for key in ("sampling", "batch_size")} if generator else {}
    return {
        "name": name,
        "kind": kind,
        "module": said["model"]["module"],
        "differs": _differs(training.entry),
        "run": training.run.name,
        "model": training.model,
        "configuration": {
            "file": _within(training.configuration),
            "sha256": sha256(training.configuration),
        },
        "data": _data(training),
        "trained_on": _trained_on(training),
        "training": _training(said),
        "weights_sha256": training.weights_sha256,
        **sampling,
        "results": _results(training, kind),
        "check": outputs.of(training.folder, _molecules(training)),
    }


def _within(path: Path) -> str:
    """A file of the checkout, from its root; of others the name alone."""
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def _training(said: dict[str, Any]) -> dict[str, Any]:
    outcome = ("step", "best_step", "seconds", "stopped")
    return {
        "settings": said["training"],
        "seed": said["seed"],
        **{key: said[key] for key in outcome},
        "processor_seconds": said.get("processor_seconds"),
        "validation_loss": said["best_loss"],
        "environment": said["environment"],
    }


def _data(training: Finished) -> dict[str, Any]:
    kind = training.data["kind"]
    if kind not in DATA:
        raise Disagreement(f"data of kind {kind}: enter their method and licence in {__name__}.DATA first")
    method, licence = DATA[kind]
    papers = published.cited([kind])
    return {
        "name": training.dataset,
        "method": method,
        "licence": licence,
        "cite": [
            f"{paper['authors']}, {paper['venue']} ({paper['year']}), {paper['url']}"
            for paper in papers.values()
        ],
        "dataset": training.training["dataset"],
        "splits": training.training["splits"],
    }


def _trained_on(training: Finished) -> dict[str, Any]:
    examples = training.structures[training.splits.train]
    found = formulas(examples)
    return {
        "structures": len(examples),
        "elements": [symbol(int(z)) for z in np.unique(examples.numbers)],
        "atoms": [int(examples.n_atoms.min()), int(examples.n_atoms.max())],
        "formulas": found if len(found) <= FORMULAS else None,
    }


def _differs(entry: dict[str, Any]) -> str:
    """How the entry differs from the published model: in its words, else the settings that it changes."""
    changed = ", ".join(f"{key} {value}" for key, value in entry["config"].items())
    return entry.get("differs", changed)


def _results(training: Finished, kind: str) -> list[dict[str, Any]]:
    """Test results with 95 % intervals; none where the run has no table of these weights."""
    found = []
    judged = kind == "generators" or training.predicted()
    for name, (table, metric, subset) in TESTS[kind].items():
        path = training.table(table)
        if not (judged and path.is_file()):
            continue
        rows = tidy.read(path)
        wanted = dict(zip(tidy.KEY, (training.model, training.dataset, SEED, metric, subset), strict=True))
        for row in rows[(rows[list(wanted)] == pd.Series(wanted)).all(axis=1)].itertuples():
            values = {key: float(getattr(row, key)) for key in ("value", "ci_low", "ci_high")}
            where = {"table": path.name, "metric": metric, "subset": subset}
            found.append({"name": name, **values, "n": int(row.n), "unit": row.unit, **where})
    return found


def _molecules(training: Finished) -> Structures:
    """The first molecules of the test split, bare."""
    return outputs.bare(training.structures[training.splits.test[: outputs.MOLECULES]])
