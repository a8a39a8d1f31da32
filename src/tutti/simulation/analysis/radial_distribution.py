"""Distances between atoms: h(r) of molecules, g(r) of periodic systems, and their errors (Fu et al. 2023).

For a molecule of n atoms, h(r) = 1/(n(n-1)) Σ_i Σ_{j≠i} ⟨δ(r - r_ij)⟩ (1/Å), of which the integral is 1. For
a periodic system g(r) is the density of pairs over that of an ideal gas. The error of either is
∫|⟨f⟩ - ⟨f_ref⟩| dr over the trajectories' averages. Fu et al., TMLR 2023, arXiv:2210.07237.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd

from tutti.core.elements import SYMBOLS
from tutti.core.randomness import numpy_generator
from tutti.simulation.analysis.drift import ended
from tutti.simulation.trajectory import Trajectory
from tutti.statistics import blocks
from tutti.statistics.estimate import Estimate, row, table_of

ALL = "all pairs"
CHUNK = 2**21  # distances at a time


@dataclass(frozen=True)
class Grid:
    """Distances from 0 to `end` (Å) in `bins` equal bins.

    Raises:
        ValueError: when there is no bin, or the end is not positive.
    """

    end: float
    bins: int

    def __post_init__(self) -> None:
        if not (self.bins > 0 and self.end > 0):
            raise ValueError(f"a grid of {self.bins} bins up to {self.end} Å is empty")

    @property
    def width(self) -> float:
        """Å."""
        return self.end / self.bins

    @property
    def edges(self) -> np.ndarray:
        """[bins + 1], Å."""
        return np.linspace(0, self.end, self.bins + 1)

    @property
    def centres(self) -> np.ndarray:
        """[bins], Å."""
        return (self.edges[1:] + self.edges[:-1]) / 2


def half_height(cell: np.ndarray, pbc: np.ndarray) -> float:
    """Half the smallest distance (Å) between opposite faces of a cell [3, 3], of its periodic directions.

    The nearest of two atoms' images is the one with fractional coordinates within ±1/2 as long as it is
    nearer than this.

    Raises:
        ValueError: when the cell has no volume.
    """
    if not abs(np.linalg.det(cell)) > 0:
        raise ValueError("the cell has no volume")
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    return float(heights[pbc].min() / 2)


def pair_distances(trajectory: Trajectory, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """[F, K] or [F, P, K] distances (Å) of K pairs of atoms, of nearest images where it is periodic."""
    vectors = trajectory.positions[..., first, :] - trajectory.positions[..., second, :]
    if trajectory.pbc.any():
        fractional = vectors @ np.linalg.inv(trajectory.cell)
        vectors -= (np.round(fractional) * trajectory.pbc) @ trajectory.cell
    return np.linalg.norm(vectors, axis=-1)


def pairs_of(numbers: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """First and second atoms [K] of all pairs i < j, by their elements, such as `H-O`."""
    first, second = np.triu_indices(len(numbers), 1)
    names = sorted(set(numbers.tolist()))
    low, high = np.sort(np.stack([numbers[first], numbers[second]]), axis=0)
    found = {}
    for a, b in combinations_with_replacement(names, 2):
        chosen = (low == a) & (high == b)
        if chosen.any():
            found[f"{SYMBOLS[a]}-{SYMBOLS[b]}"] = first[chosen], second[chosen]
    return found


def pair_distribution(trajectory: Trajectory, grid: Grid) -> np.ndarray:
    """h(r) [F, X] of each frame, in 1/Å; distances beyond the grid are left out of it, not of the number.

    Raises:
        ValueError: for fewer than two atoms.
    """
    first, second = np.triu_indices(len(trajectory.numbers), 1)
    if len(first) == 0:
        raise ValueError("distances need two atoms")
    return _histograms(trajectory, first, second, grid) / (len(first) * grid.width)


def partial_distributions(trajectory: Trajectory, grid: Grid) -> dict[str, np.ndarray]:
    """g(r) [F, X] of each frame by pair of elements.

    Raises:
        ValueError: when the system is not periodic in three directions, or the grid goes beyond half its
            height.
    """
    if not trajectory.pbc.all():
        raise ValueError("g(r) needs a density: the system must be periodic in three directions")
    if grid.end > (limit := half_height(trajectory.cell, trajectory.pbc)) * (1 + 1e-9):
        raise ValueError(f"g(r) up to {grid.end:g} Å: beyond {limit:.4g} Å a cell holds no full shell")
    shells = 4 / 3 * np.pi * np.diff(grid.edges**3) / abs(np.linalg.det(trajectory.cell))
    return {
        pair: _histograms(trajectory, first, second, grid) / (len(first) * shells)
        for pair, (first, second) in pairs_of(trajectory.numbers).items()
    }


def distributions(trajectory: Trajectory, grid: Grid) -> dict[str, np.ndarray]:
    """g(r) [F, X] by pair of elements of what is periodic; h(r), under `all pairs`, of what is not."""
    if trajectory.pbc.any():
        return partial_distributions(trajectory, grid)
    return {ALL: pair_distribution(trajectory, grid)}


def common_grid(trajectories: Mapping[str, Trajectory], reference: str, bins: int) -> Grid:
    """A grid for all: to half the cell's height, or 20 % beyond the reference molecule's largest distance."""
    found = trajectories[reference]
    if found.pbc.any():
        return Grid(min(half_height(t.cell, t.pbc) for t in trajectories.values()), bins)
    largest = max(pair_distances(found, first, second).max() for first, second in _pairs(found))
    return Grid(1.2 * float(largest), bins)


def table(
    trajectory: Trajectory, reference: Trajectory, grid: Grid, *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """`radial_distribution_error` with a block-bootstrap interval, and what chance alone gives.

    `radial_distribution_error_floor` is the distance of the reference's even from its odd blocks, scaled by
    the lengths of what is compared: the noise of a distance falls with the square root of the length.

    Args:
        trajectory: the model's, without the time to equilibrate.
        reference: of the reference calculator under the same conditions.
        grid: of the distances.
        model: name for the table.
        dataset: name for the table.
        seed: for the table, and of the bootstrap.

    Raises:
        ValueError: when the elements differ.
    """
    if not np.array_equal(trajectory.numbers, reference.numbers):
        raise ValueError("the trajectory and its reference are of different atoms")
    ours, theirs = (distributions(t, grid) for t in (trajectory, reference))
    generator = numpy_generator(seed, "radial distribution bootstrap")
    unit = "Å" if trajectory.pbc.any() else "dimensionless"
    remark, why = f"up to {grid.end:.3g} Å", "too few frames"
    scale = floor_scale(len(trajectory), len(reference))
    rows = []
    for pair, curves in ours.items():
        of_reference = block_means(theirs[pair])
        error = blocks.curve_error(block_means(curves), of_reference, grid.width, generator)
        floor = blocks.curve_error(of_reference[::2], of_reference[1::2], grid.width, generator)
        floor = Estimate(scale * floor.value)
        name, n = "radial_distribution_error", len(curves)
        rows += [
            row(name, pair, error, n, unit, remark, ended(trajectory), undefined=why),
            row(f"{name}_floor", pair, floor, len(reference), unit, remark, undefined=why),
        ]
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def block_means(curves: np.ndarray) -> np.ndarray:
    """[B, X] means of curves [F, X] over consecutive blocks of frames."""
    return np.array([block.mean(axis=0) for block in blocks.split(curves)]).reshape(-1, curves.shape[1])


def floor_scale(n_frames: int, n_reference: int) -> float:
    """Takes the noise between halves of a reference's frames to that between a model's and all of it."""
    if n_frames == 0:
        return np.nan
    return float(np.sqrt((1 / n_frames + 1 / n_reference) / (4 / n_reference)))


def _pairs(trajectory: Trajectory) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(pairs_of(trajectory.numbers).values())


def _histograms(trajectory: Trajectory, first: np.ndarray, second: np.ndarray, grid: Grid) -> np.ndarray:
    """[F, X] numbers of pairs in the bins of each frame; of ring polymers the mean over beads."""
    per_frame = len(first) * int(np.prod(trajectory.positions.shape[1:-2]))
    step = max(CHUNK // per_frame, 1)
    counts = [np.empty((0, grid.bins))]
    for start in range(0, len(trajectory), step):
        distances = pair_distances(trajectory[start : start + step], first, second)
        distances = distances.reshape(len(distances), -1)
        bins = np.minimum(distances / grid.width, grid.bins).astype(np.int64)
        bins += (grid.bins + 1) * np.arange(len(bins))[:, None]
        found = np.bincount(bins.ravel(), minlength=len(bins) * (grid.bins + 1))
        counts.append(found.reshape(-1, grid.bins + 1)[:, :-1])
    return np.concatenate(counts) * (len(first) / per_frame)
