"""Valid molecules with their bonds, packed: what all metrics of geometry start from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array

from tutti.core import ragged
from tutti.core.structures import Structures


@dataclass(frozen=True)
class Bonded:
    """M valid molecules, ΣN atoms and B bonds.

    Attributes:
        n_atoms: [M] int64, atoms in each molecule.
        numbers: [ΣN] uint8, atomic numbers.
        positions: [ΣN, 3] float, Å.
        first: [B] int64, row of the one atom of each bond.
        second: [B] int64, row of the other.
        order: [B] float, 1, 1.5 (aromatic), 2 or 3.

    The bonds of a molecule stand together, and the molecules are in order.
    """

    n_atoms: np.ndarray
    numbers: np.ndarray
    positions: np.ndarray
    first: np.ndarray
    second: np.ndarray
    order: np.ndarray

    def __len__(self) -> int:
        return len(self.n_atoms)

    @cached_property
    def molecule(self) -> np.ndarray:
        """[ΣN] int64: the molecule that each atom belongs to."""
        return ragged.owners(self.n_atoms)

    @cached_property
    def neighbours(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Each bond seen from both its atoms.

        Returns:
            ([ΣN + 1] int: atom i has the places starts[i] ... starts[i + 1] - 1; [2B] int32: row of the
            neighbour, ascending for each atom; [2B] int64: order of the bond in halves).
        """
        ends = np.concatenate([self.first, self.second]), np.concatenate([self.second, self.first])
        halves = np.tile(np.rint(2 * self.order).astype(np.int64), 2)
        matrix = coo_array((halves, ends), (len(self.numbers),) * 2).tocsr()
        matrix.sort_indices()
        return matrix.indptr, matrix.indices, matrix.data

    @classmethod
    def of(cls, structures: Structures, verdicts: pd.DataFrame) -> Self:
        """The valid samples, in their order.

        Args:
            structures: N samples.
            verdicts: N rows, in the same order, of one assigner (see
                `tutti.chemistry.bonds.pool.assign_all`).

        Raises:
            ValueError: when the two differ in length.
        """
        if len(structures) != len(verdicts):
            raise ValueError(f"{len(structures)} structures but {len(verdicts)} verdicts")
        valid = verdicts["valid"].to_numpy(bool)
        chosen, rows = structures[valid], verdicts[valid]
        n_bonds, places = flattened(rows["bond_first"])
        start = np.repeat(chosen.offsets[:-1], n_bonds)
        return cls(
            n_atoms=chosen.n_atoms,
            numbers=chosen.numbers,
            positions=chosen.positions,
            first=start + places.astype(np.int64),
            second=start + flattened(rows["bond_second"])[1].astype(np.int64),
            order=flattened(rows["bond_order"])[1].astype(float),
        )

    def head(self, n: int) -> Self:
        """The first `n` molecules."""
        n_atoms = self.n_atoms[:n]
        atoms = int(n_atoms.sum())
        bonds = int(np.searchsorted(self.first, atoms))
        return type(self)(
            n_atoms=n_atoms,
            numbers=self.numbers[:atoms],
            positions=self.positions[:atoms],
            first=self.first[:bonds],
            second=self.second[:bonds],
            order=self.order[:bonds],
        )


def flattened(lists: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Lengths [N] int64 of N lists of numbers, and their entries one after another."""
    array = pa.array(lists) if len(lists) else pa.array([], pa.list_(pa.float64()))
    lengths, entries = pc.list_value_length(array), pc.list_flatten(array)
    return lengths.to_numpy().astype(np.int64), entries.to_numpy(zero_copy_only=False)
