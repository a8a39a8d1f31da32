"""Dynamics with a force field: is the energy kept, does the molecule hold, does it move as the reference?"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ase.calculators.calculator import Calculator

from tutti.benchmark.forcefields import fullerene
from tutti.benchmark.forcefields.simulations import DynamicsConfig, force_field, reference_calculator, warm
from tutti.core import tidy
from tutti.core.registry import from_dict
from tutti.core.structures import Structures
from tutti.simulation.analysis import diffusion, drift, normal_modes, radial_distribution, spectrum, stability
from tutti.simulation.analysis.diffusion import Window
from tutti.simulation.trajectory import Trajectory

TRAJECTORIES = ("NVE", "NVT", "rings", "reference_NVE")
BINS = 200
OXYGEN = 8
# Lag times of the diffusion coefficient as parts of the trajectory. At short ones atoms are still among their
# first neighbours; long ones have few independent origins and add little but noise (Bullerjahn, von Bülow,
# Hummer, J. Chem. Phys. 153, 024116, 2020). Each of `diffusion.BLOCKS` parts has to be longer.
LAGS = (0.1, 0.2)


def table(
    nve: Trajectory,
    nvt: Trajectory,
    rings: Trajectory | None,
    frames: Trajectory,
    reference_nve: Trajectory | None,
    modes: Callable[[], tuple[Calculator, Calculator]] | None,
    resolution: float,
    liquid: bool,
    *,
    model: str,
    dataset: str,
    seed: int,
) -> pd.DataFrame:
    """Energy drift, stability, pair distances, and what the system has: vibrations or diffusion.

    Args:
        nve: at constant energy.
        nvt: at constant temperature.
        rings: the same with ring polymers, whose sizes stand beside the classical ones; None: not simulated.
        frames: of the reference at the same temperature: simulated, or those of the dataset.
        reference_nve: the reference's, from the same state; None: there is none.
        modes: gives the calculators of model and reference, for the vibrations of a molecule; None: no
            reference.
        resolution: of the vibrational spectrum, cm⁻¹.
        liquid: whether oxygen atoms diffuse.
        model: name for the table.
        dataset: name for the table.
        seed: for the table, and of bootstraps.
    """
    labels = {"model": model, "dataset": dataset, "seed": seed}
    grid = radial_distribution.common_grid({"reference": frames}, "reference", BINS)
    parts = [
        drift.table(nve, **labels),
        stability.table([_stability(nvt, frames, grid)], **labels),
        radial_distribution.table(warm(nvt), frames, grid, **labels),
    ]
    if rings is not None:
        parts += [fullerene.table(warm(each), **labels) for each in (nvt, rings)]
    if reference_nve is not None:
        parts.append(spectrum.table(nve, reference_nve, resolution, **labels))
    if modes is not None and not nve.pbc.any():
        parts.append(_modes(nve, *modes(), labels))
    if liquid:
        parts.append(diffusion.table(nve, np.flatnonzero(nve.numbers == OXYGEN), lags(nve), **labels))
    return tidy.join(parts)


def table_of_files(files: Mapping[str, Any], *, settings: Mapping[str, Any], **labels: Any) -> pd.DataFrame:
    """`table` of what lies in files.

    Args:
        files: `weights` (as a list of one), `dataset`, and trajectories by ensemble, `NVE`, `NVT`, and
            `rings` where they were simulated; those of the reference, where it was, as `reference_NVE`,
            `reference_NVT`. Without them the dataset's own frames are compared with.
        settings: fields of `DynamicsConfig`.
        labels: model, dataset and seed for the table.
    """
    config = from_dict(DynamicsConfig, settings, "dynamics")
    method, folder = config.reference, Path(files["weights"][0]).parent
    loaded = {name: Trajectory.load(files[name]) if name in files else None for name in TRAJECTORIES}
    return table(
        loaded["NVE"],
        loaded["NVT"],
        loaded["rings"],
        reference_frames(files.get("reference_NVT"), files["dataset"]),
        loaded["reference_NVE"],
        (lambda: (force_field(folder), reference_calculator(method))) if method else None,
        config.resolution,
        config.liquid,
        **labels,
    )


def reference_frames(simulated: str | Path | None, dataset: str | Path) -> Trajectory:
    """Frames at constant temperature: of the simulated reference, or else those of the dataset."""
    if simulated:
        return warm(Trajectory.load(simulated))
    return Trajectory.of_structures(Structures.load(dataset), interval=1.0)


def lags(trajectory: Trajectory) -> Window:
    """Lag times from which the diffusion coefficient is taken."""
    return Window(*(part * trajectory.duration / 1000.0 for part in LAGS))


def _stability(nvt: Trajectory, frames: Trajectory, grid: radial_distribution.Grid) -> stability.Stability:
    if nvt.pbc.any():
        mean = {
            pair: curves.mean(axis=0)
            for pair, curves in radial_distribution.partial_distributions(frames, grid).items()
        }
        return stability.liquid(nvt, mean, grid)
    pairs = stability.bonds(frames.atoms(0))
    lengths = radial_distribution.pair_distances(frames, *pairs.T).mean(axis=0)
    return stability.molecule(nvt, pairs, lengths)


def _modes(
    start: Trajectory, calculator: Calculator, reference: Calculator, labels: dict[str, object]
) -> pd.DataFrame:
    """Harmonic frequencies in the model's minimum against those in the reference's."""
    minimum = normal_modes.relax(start.atoms(0), reference)
    if isinstance(minimum, str):
        raise RuntimeError(f"the reference finds no minimum: {minimum}")
    theirs = normal_modes.vibrations(minimum, reference)
    ours = normal_modes.relax(minimum, calculator)
    if not isinstance(ours, str):
        ours = normal_modes.vibrations(ours, calculator)
    return normal_modes.table(ours, theirs, **labels)
