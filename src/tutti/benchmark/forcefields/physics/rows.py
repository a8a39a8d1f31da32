"""The table `physics`: numbers of a calculator's answers and of its simulations."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tutti.benchmark.forcefields.dynamics import reference_frames
from tutti.benchmark.forcefields.physics import (
    curves,
    cutoff,
    diatomics,
    distributions,
    gradient,
    scans,
    whole,
)
from tutti.benchmark.forcefields.physics.curves import Curve, of_kind
from tutti.benchmark.forcefields.simulations import DynamicsConfig
from tutti.core.randomness import numpy_generator
from tutti.core.registry import from_dict
from tutti.simulation.trajectory import Trajectory
from tutti.statistics.estimate import Row, table_of


def rows(found: Sequence[Curve], seed: int) -> list[Row]:
    """What can be said of the answers alone.

    Args:
        found: of `tutti.benchmark.forcefields.physics.probe`.
        seed: of bootstraps.
    """
    generator = numpy_generator(seed, "physics of force fields")
    made = [line for curve in of_kind(found, gradient.KIND) for line in gradient.rows(curve, generator)]
    made += whole.rows(of_kind(found, whole.KIND))
    made += diatomics.rows(of_kind(found, diatomics.KIND), of_kind(found, diatomics.FREE), generator)
    made += [line for curve in of_kind(found, cutoff.KIND) for line in cutoff.rows(curve)]
    return made + scans.rows(of_kind(found, scans.KIND), generator)


def table_of_files(
    files: Mapping[str, Any], *, dynamics: Mapping[str, Any] | None, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """The table of what lies in files. Energy conservation is in the table `dynamics`.

    Args:
        files: `probes`, and as for `tutti.benchmark.forcefields.dynamics.table_of_files` the dataset and the
            trajectories, where there are simulations.
        dynamics: their settings; None: there are none, and no distributions.
        model: name for the table.
        dataset: name for the table.
        seed: for the table, and of bootstraps.
    """
    made = rows(curves.read(files["probes"]), seed)
    if dynamics is not None:
        config = from_dict(DynamicsConfig, dynamics, "dynamics")
        reference_nve = files.get("reference_NVE")
        made += distributions.rows(
            Trajectory.load(files["NVE"]),
            Trajectory.load(files["NVT"]),
            reference_frames(files.get("reference_NVT"), files["dataset"]),
            Trajectory.load(reference_nve) if reference_nve else None,
            config.resolution,
            config.liquid,
            seed,
        )
    return table_of(made, model=model, dataset=dataset, seed=seed)
