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

from tutti.simulation.analysis.radial_distribution import Grid, partial_distributions
from tutti.simulation.trajectory import Trajectory
from tutti.statistics import blocks
from tutti.statistics.estimate import Estimate, row, table_of

BOND_DEVIATION = 0.5  # Å
LIQUID_DEVIATION = 3.0  # Å, for water
WINDOW = 1000.0  # fs, over which g(r) is averaged


@dataclass(frozen=True)
class Stability:
    """How long a simulation was stable.

    Attributes:
        time: of the failure, or of the end, fs.
        failure: why it is not stable from then on; empty when it is to its end.
        remark: on how it was judged; empty when as it should be.
    """

    time: float
    failure: str
    remark: str = ""


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

    The last window ends with the last frame, and so may overlap with the one before; a run shorter than the
    window is one, and the remark says how long it was.

    Args:
        trajectory: of a periodic system.
        reference: by pair of elements, its g(r) [X] in the reference trajectory.
        grid: of the distances.
        threshold: Å.

    Returns:
        The stability; a window that deviates counts from its beginning on.

    Raises:
        KeyError: when the reference lacks a pair of elements.
        ValueError: when frames are not evenly spaced, or the grid goes beyond half the cell's height.
    """
    n = len(trajectory)
    full = max(round(WINDOW / trajectory.interval), 1) if n > 1 else np.inf
    remark = f"g(r) over {np.ptp(trajectory.times) / 1000:g} ps only" if 0 < n < full else ""
    frames = int(min(full, n))
    last = n - frames
    for start in [*range(0, last, frames), last] if n else []:
        found = partial_distributions(trajectory[start : start + frames], grid)
        for pair, curves in found.items():
            error = grid.width * np.abs(curves.mean(axis=0) - reference[pair]).sum()
            if error > threshold:
                failure = f"g(r) of {pair} is off by {error:.2g} Å"
                return Stability(float(trajectory.times[start]), failure, remark)
    return Stability(trajectory.duration, trajectory.failure, remark)


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
    remarks += dict.fromkeys(run.remark for run in runs)
    if len(failed) < len(runs):
        remarks.insert(0, f"no failure within {times.max():g} ps" + (" in the others" if failed else ""))
    found = blocks.around(float(times.mean()), times) if failed else Estimate(times.mean())
    found = Estimate(found.value, max(found.low, 0), min(found.high, times.max()))
    rows = [row("stability_time", "NVT", found, len(runs), "ps", *remarks)]
    return table_of(rows, model=model, dataset=dataset, seed=seed)
