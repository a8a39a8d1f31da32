"""How long a simulation at constant temperature stays what it should be (Fu et al., TMLR 2023).

Fu, Wu, Wang, Xie, Keten, Gómez-Bombarelli, Jaakkola, "Forces are not Enough", arXiv:2210.07237: a molecule
is unstable from the moment when a bond differs by more than 0.5 Å from its equilibrium length; a liquid when
over 1 ps ∫|g(r) - g_ref(r)| dr of a pair of elements exceeds a threshold (3 Å for water).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ase
import numpy as np
import pandas as pd
from ase.neighborlist import natural_cutoffs, neighbor_list

from tutti.dynamics.analysis import blocks
from tutti.dynamics.analysis.blocks import Estimate
from tutti.dynamics.analysis.radial_distribution import Grid, partial_distributions
from tutti.dynamics.trajectory import Trajectory

BOND_DEVIATION = 0.5  # Å
LIQUID_DEVIATION = 3.0  # Å, for water
WINDOW = 1000.0  # fs, over which g(r) is averaged


@dataclass(frozen=True)
class Stability:
    """How long a simulation was stable.

    Attributes:
        time: of the failure, or of the end, fs.
        failure: why it is not stable from then on; empty when it is to its end.
    """

    time: float
    failure: str


def bonds(atoms: ase.Atoms) -> np.ndarray:
    """[B, 2] pairs of atoms closer than 1.2 times the sum of their covalent radii."""
    first, second = neighbor_list("ij", atoms, natural_cutoffs(atoms, mult=1.2))
    return np.stack([first, second], axis=1)[first < second]


def molecule(trajectory: Trajectory, pairs: np.ndarray, lengths: np.ndarray) -> Stability:
    """Stability of the bonds of a molecule that is not periodic, or not cut by the cell.

    Args:
        trajectory: of it.
        pairs: [B, 2] bonded atoms.
        lengths: [B] their equilibrium lengths, Å.
    """
    vectors = trajectory.positions[..., pairs[:, 0], :] - trajectory.positions[..., pairs[:, 1], :]
    deviation = np.abs(np.linalg.norm(vectors, axis=-1) - lengths)
    deviation = deviation.max(axis=tuple(range(1, deviation.ndim)), initial=0)
    broken = np.flatnonzero(deviation > BOND_DEVIATION)
    if len(broken):
        return Stability(float(trajectory.times[broken[0]]), f"a bond is off by over {BOND_DEVIATION:g} Å")
    return Stability(trajectory.duration, trajectory.failure)


def liquid(
    trajectory: Trajectory,
    reference: Mapping[str, np.ndarray],
    grid: Grid,
    threshold: float = LIQUID_DEVIATION,
) -> Stability:
    """Stability of the g(r) of every pair of elements, in one window of `WINDOW` after another.

    Args:
        trajectory: of a periodic system.
        reference: by pair of elements, its g(r) [X] in the reference trajectory.
        grid: of the distances.
        threshold: Å.

    Returns:
        The stability; a window that deviates counts from its beginning on.

    Raises:
        ValueError: when the reference is of other elements, or the window holds no frame.
    """
    frames = max(round(WINDOW / trajectory.interval), 1) if len(trajectory) > 1 else 1
    for start in range(0, len(trajectory) - frames + 1, frames):
        found = partial_distributions(trajectory[start : start + frames], grid)
        for pair, curves in found.items():
            error = grid.width * np.abs(curves.mean(axis=0) - reference[pair]).sum()
            if error > threshold:
                return Stability(float(trajectory.times[start]), f"g(r) of {pair} is off by {error:.2g} Å")
    return Stability(trajectory.duration, trajectory.failure)


def table(runs: Sequence[Stability], *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """`stability_time` (ps): mean over independent runs, those without failure counted to their end.

    Args:
        runs: of the same length, from different velocities or structures.
        model: name for the table.
        dataset: name for the table.
        seed: for the table.
    """
    times = np.array([run.time for run in runs]) / 1000
    failed = [run for run in runs if run.failure]
    remarks = [f"{len(failed)} of {len(runs)} runs failed" if len(runs) > 1 else ""]
    remarks += dict.fromkeys(run.failure for run in failed)
    if len(failed) < len(runs):
        remarks.insert(0, f"no failure within {times.max():g} ps" + (" in the others" if failed else ""))
    estimate = blocks.around(float(times.mean()), times) if failed else Estimate(times.mean(), np.nan, np.nan)
    estimate = Estimate(estimate.value, max(estimate.low, 0), min(estimate.high, times.max()))
    rows = [blocks.row("stability_time", "NVT", estimate, len(runs), "ps", *remarks)]
    return blocks.tidy(rows, model=model, dataset=dataset, seed=seed)
