"""The smallest fullerene, C20: its cage, and how sizes of it are distributed in a simulation."""

import numpy as np
import pandas as pd

from tutti.simulation.analysis.drift import ended
from tutti.simulation.trajectory import Trajectory
from tutti.statistics import blocks
from tutti.statistics.estimate import Estimate, row, table_of


def sizes(trajectory: Trajectory) -> dict[str, np.ndarray]:
    """Lengths (Å) by name, of each frame [F, ...]; of ring polymers in every bead.

    `nearest_neighbour_distance`: of each atom to its nearest one. `diameter`: the largest distance of two
    atoms. `pair_distance`: all distances.
    """
    n = len(trajectory.numbers)
    first, second = np.triu_indices(n, 1)
    n_beads = int(np.prod(trajectory.positions.shape[1:-2]))
    positions = trajectory.positions.reshape(len(trajectory), n_beads, n, 3)
    pairs = np.linalg.norm(positions[..., first, :] - positions[..., second, :], axis=-1)
    square = np.full((*pairs.shape[:2], n, n), np.inf)
    square[..., first, second] = square[..., second, first] = pairs
    return {
        "nearest_neighbour_distance": square.min(axis=-1),
        "diameter": pairs.max(axis=-1),
        "pair_distance": pairs,
    }


def table(trajectory: Trajectory, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Mean and standard deviation (`..._deviation`) of each of the `sizes`, with t-intervals over blocks.

    The subset is `classical`, or `8 beads` of ring polymers.

    Args:
        trajectory: of the molecule, without the time to equilibrate.
        model: name for the table.
        dataset: name for the table.
        seed: for the table.
    """
    beads = trajectory.positions.shape[1:-2]
    subset = f"{beads[0]} beads" if beads else "classical"
    rows = []
    for name, values in sizes(trajectory).items():
        within = tuple(range(1, values.ndim))  # a frame
        mean = blocks.block_mean(values.mean(axis=within))
        spread = _root(blocks.block_mean(((values - mean.value) ** 2).mean(axis=within)))
        for metric, estimate in ((name, mean), (f"{name}_deviation", spread)):
            remark, why = ended(trajectory), "no frames"
            rows.append(row(metric, subset, estimate, len(values), "Å", remark, undefined=why))
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def _root(variance: Estimate) -> Estimate:
    low, high = np.sqrt(np.maximum([variance.low, variance.high], 0))
    return Estimate(float(np.sqrt(variance.value)), float(low), float(high))
