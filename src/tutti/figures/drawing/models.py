"""Figures of trainings, predictions, simulations, physics, weights, and of fits of signals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tutti.benchmark.forcefields.physics import curves
from tutti.benchmark.forcefields.simulations import DynamicsConfig, SimulatedStudy
from tutti.benchmark.signals.study import Fits
from tutti.core import records
from tutti.core.registry import from_dict
from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.figures.drawing import Request, draw_each


def draw(requests: Sequence[Request]) -> None:
    """Draw what is asked for, each from what its request has files of."""
    draw_each(requests, _inputs)


def _inputs(request: Request) -> list[Any]:
    if "logs" in request:
        return [{label: _log(Path(path)) for label, path in request["logs"].items()}]
    if "settings" in request:
        return [_simulated(request)]
    if "probes" in request:
        return [{label: curves.read(path) for label, path in request["probes"].items()}]
    if "committees" in request:
        members = request["committees"].items()
        return [_test_split(request), {label: [*map(Structures.load, paths)] for label, paths in members}]
    if "fits" in request:
        return [[Fits.load(path) for path in request["fits"]]]
    if "weights" in request:
        return [Path(request["weights"]).parent, _test_split(request)]
    predicted = {model: Structures.load(path) for model, path in request["predictions"].items()}
    return [_test_split(request), predicted]


def _log(path: Path) -> pd.DataFrame:
    """log.csv of a training, as its record says."""
    records.check(path, path.with_name("train.json"), "log_sha256")
    return pd.read_csv(path)


def _test_split(request: Request) -> Structures:
    structures = Structures.load(request["dataset"])
    return structures[Splits.load(request["splits"], structures).test]


def _simulated(request: Request) -> SimulatedStudy:
    return SimulatedStudy(
        config=from_dict(DynamicsConfig, request["settings"], "dynamics"),
        models={label: _paths(files) for label, files in request["models"].items()},
        reference=_paths(request["reference"]) or None,
        dataset=Path(request["dataset"]),
    )


def _paths(files: Mapping[str, str]) -> dict[str, Path]:
    return {ensemble: Path(path) for ensemble, path in files.items()}
