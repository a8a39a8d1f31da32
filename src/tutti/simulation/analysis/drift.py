"""Energy that a simulation at constant energy gains or loses."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from tutti.simulation.trajectory import Trajectory
from tutti.statistics import blocks
from tutti.statistics.estimate import Estimate, row, table_of

FEWEST = 3
"""Blocks, of one frame or more, below which the error of a slope is not known."""


@dataclass(frozen=True)
class Drift:
    """A line through the total energy, per atom.

    Attributes:
        slope: meV/atom/ps.
        standard_error: of the slope, from the scatter of block means around their own line; NaN for fewer
            than `FEWEST` blocks.
        fluctuation: root mean square deviation from the line, meV/atom.
        n_blocks: that the standard error comes from.
    """

    slope: float
    standard_error: float
    fluctuation: float
    n_blocks: int


def drift(trajectory: Trajectory) -> Drift:
    """Drift of the total energy over all frames; NaN when there are fewer than two."""
    return line(trajectory.times, trajectory.total_energy, len(trajectory.numbers))


def line(times: np.ndarray, total_energy: np.ndarray, n_atoms: int) -> Drift:
    """The same of total energies [F] (eV) of all atoms at `times` [F] (fs)."""
    energy = 1000 * total_energy / n_atoms
    times = times / 1000
    if len(times) < 2:
        return Drift(np.nan, np.nan, np.nan, 0)
    fit = stats.linregress(times, energy)
    deviation = energy - fit.intercept - fit.slope * times
    means = [np.array([block.mean() for block in blocks.split(values)]) for values in (times, energy)]
    # Energies of consecutive frames go up and down together: block means are nearly independent.
    error = stats.linregress(*means).stderr if len(means[0]) >= FEWEST else np.nan
    return Drift(float(fit.slope), float(error), float(np.sqrt(np.mean(deviation**2))), len(means[0]))


def table(trajectory: Trajectory, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """`energy_drift` (meV/atom/ps) with its 95 % interval, and `energy_fluctuation` (meV/atom).

    Args:
        trajectory: at constant energy.
        model: name for the table.
        dataset: name for the table.
        seed: for the table.
    """
    found = drift(trajectory)
    slope = blocks.t_interval(found.slope, found.standard_error, max(found.n_blocks - 2, 1))
    fluctuation = Estimate(found.fluctuation)
    remark = ended(trajectory) or f"over {trajectory.duration / 1000:g} ps"
    n, why = len(trajectory), "fewer than two frames"
    rows = [
        row("energy_drift", "NVE", slope, n, "meV/atom/ps", remark, undefined=why),
        row("energy_fluctuation", "NVE", fluctuation, n, "meV/atom", remark, undefined=why),
    ]
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def ended(trajectory: Trajectory) -> str:
    """Remark on a simulation that failed; empty for one that did not."""
    if not trajectory.failure:
        return ""
    return f"failed after {trajectory.failure_time / 1000:g} ps ({trajectory.failure})"
