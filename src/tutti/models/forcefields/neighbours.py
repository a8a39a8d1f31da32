"""Neighbour lists of structures, periodic or not, and a memory of those already made."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from tutti.core.structures import Structures

# Pairs that are remembered, 32 bytes each: about 1 GB.
MOST_PAIRS = 30_000_000
# Å³; a cell of less has vectors in one plane.
MIN_VOLUME = 1e-6


class Pairs(NamedTuple):
    """Pairs of atoms within a cutoff, each once.

    Attributes:
        first, second: [P] int32.
        vectors: [P, 3] float64, Å, from `first` to (the image of) `second`.
    """

    first: np.ndarray
    second: np.ndarray
    vectors: np.ndarray


def find_pairs(
    positions: np.ndarray, cutoff: float, cell: np.ndarray | None = None, pbc: np.ndarray | None = None
) -> Pairs:
    """All pairs closer than `cutoff`, also of an atom with its own images; each pair once.

    Args:
        positions: [n, 3], Å; they need not lie inside the cell.
        cutoff: Å; may exceed the cell.
        cell: [3, 3], rows are the cell vectors, Å; those of directions that are not periodic may be 0.
        pbc: [3] bool; None: not periodic.

    Raises:
        ValueError: when a coordinate is not finite, or a periodic cell has no volume.
    """
    if not np.isfinite(positions).all():
        raise ValueError(f"atom {int(np.argmin(np.isfinite(positions).all(1)))} has a coordinate that is NaN")
    periodic = np.zeros(3, bool) if pbc is None else np.asarray(pbc, bool)
    positions = np.ascontiguousarray(positions, dtype=np.float64)
    if periodic.any():
        return _periodic_pairs(positions, cutoff, _box(cell, periodic), periodic)
    pairs = cKDTree(positions).query_pairs(np.nextafter(cutoff, 0.0), output_type="ndarray")
    first, second = pairs.T.astype(np.int32)
    return Pairs(first, second, positions[second] - positions[first])


def _periodic_pairs(positions: np.ndarray, cutoff: float, box: np.ndarray, periodic: np.ndarray) -> Pairs:
    import vesin  # only cells need it, and machines that run molecules may lack it

    finder = vesin.NeighborList(cutoff=cutoff, full_list=False, n_threads=1)
    first, second, vectors = finder.compute(positions, box, periodic, quantities="ijD")
    return Pairs(first.astype(np.int32), second.astype(np.int32), vectors)


def _box(cell: np.ndarray, periodic: np.ndarray) -> np.ndarray:
    """The cell; vectors of directions that are not periodic are replaced by perpendicular ones."""
    box = np.array(cell, dtype=np.float64)
    if not np.isfinite(box).all():
        raise ValueError("the cell has entries that are not finite")
    vectors = box[periodic]
    # The last rows of the right singular vectors are perpendicular to the periodic ones.
    box[~periodic] = np.linalg.svd(vectors)[2][len(vectors) :]
    if abs(np.linalg.det(box)) < MIN_VOLUME:
        raise ValueError(f"the periodic cell has no volume: {np.asarray(cell).tolist()}")
    return box


class NeighbourLists:
    """The pairs of each of some structures, made when they are first asked for and then remembered."""

    def __init__(self, structures: Structures, cutoff: float) -> None:
        self.structures, self.cutoff = structures, cutoff
        self._known: dict[int, Pairs] = {}
        self._n_pairs = 0

    def __getitem__(self, i: int) -> Pairs:
        """Pairs of structure i.

        Raises:
            ValueError: see `find_pairs`; the message names the structure.
        """
        if i in self._known:
            return self._known[i]
        structures = self.structures
        try:
            pairs = find_pairs(
                structures.frame(i)[1],
                self.cutoff,
                None if structures.cell is None else structures.cell[i],
                None if structures.pbc is None else structures.pbc[i],
            )
        except ValueError as error:
            raise ValueError(f"structure {i} of {structures.source or 'the data'}: {error}") from error
        if self._n_pairs + len(pairs.first) <= MOST_PAIRS:
            self._known[i] = pairs
            self._n_pairs += len(pairs.first)
        return pairs
