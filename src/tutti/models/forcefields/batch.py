"""What a force field sees of some structures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import torch
from ase.data import atomic_masses
from torch import Tensor

from tutti.core import ragged
from tutti.core.structures import Structures
from tutti.models.forcefields.neighbours import NeighbourLists
from tutti.models.species import Species
from tutti.nn.tensors import moved


@dataclass(frozen=True)
class AtomicBatch:
    """B structures with N atoms and P pairs of neighbours in all.

    Attributes:
        n_atoms: [B].
        structure: [N], number of the structure that each atom belongs to.
        species: [N].
        centred: [N, 3] Å, positions relative to the structure's centre of mass.
        first, second: [P], rows of the atoms of each pair.
        vectors: [P, 3] Å, from first to second.
        volumes: [B] Å³, 0 without a cell; None where none has one.
        targets: what is to be learnt: [B] float64, and "forces" [N, 3].
    """

    n_atoms: Tensor
    structure: Tensor
    species: Tensor
    centred: Tensor
    first: Tensor
    second: Tensor
    vectors: Tensor
    volumes: Tensor | None
    targets: Mapping[str, Tensor]

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """A batch of which some tensors are known, those of its targets by their own names; None else."""
        own = {f.name: tensors.get(f.name) for f in fields(cls) if f.name != "targets"}
        return cls(**own, targets={name: t for name, t in tensors.items() if name not in own})

    def __len__(self) -> int:
        return len(self.n_atoms)

    def to(self, device: torch.device) -> Self:
        """The same batch with all its tensors on `device`."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "targets"}
        own = {name: moved(t, device) for name, t in tensors.items() if t is not None}
        return replace(self, **own, targets={name: moved(t, device) for name, t in self.targets.items()})

    def sum(self, values: Tensor) -> Tensor:
        """Values of atoms [N, ...] summed over each structure, [B, ...]."""
        n = self.n_atoms.shape[0]
        return values.new_zeros(n, *values.shape[1:]).index_add(0, self.structure, values)

    def forces(self, gradient: Tensor) -> Tensor:
        """Forces [N, 3] from the gradient [P, 3] of the energy by the vectors from first to second."""
        forces = gradient.new_zeros(self.species.shape[0], 3)
        return forces.index_add(0, self.first, gradient).index_add(0, self.second, -gradient)

    def stress(self, gradient: Tensor) -> Tensor:
        """Virial of the pairs over the volume, [B, 3, 3], from the gradient that `forces` takes."""
        virial = self.vectors[:, :, None] * gradient[:, None, :]
        virials = virial.new_zeros(len(self), 3, 3).index_add(0, self.structure[self.first], virial)
        return virials / torch.where(self.volumes > 0, self.volumes, torch.nan)[:, None, None]


def make_batch(
    structures: Structures,
    items: Sequence[int] | np.ndarray,
    lists: NeighbourLists,
    species: Species,
    dtype: torch.dtype,
    targets: Mapping[str, Tensor],
) -> AtomicBatch:
    """The batch of the structures `items`, on the CPU.

    Args:
        structures: where they are.
        items: [B] int.
        lists: neighbours of `structures`.
        species: that the model knows.
        dtype: of positions and vectors, which are computed in float64.
        targets: see `AtomicBatch`.
    """
    items = np.asarray(items, dtype=np.int64)
    n_atoms, rows = structures.n_atoms[items], structures.atom_rows(items)
    pairs = [lists[int(i)] for i in items]
    counts = [len(p.first) for p in pairs]
    offsets = np.repeat(np.cumsum(n_atoms) - n_atoms, counts)
    structure = ragged.owners(n_atoms)
    volumes = None
    if structures.cell is not None:
        volumes = torch.from_numpy(np.abs(np.linalg.det(structures.cell[items]))).to(dtype)
    numbers = structures.numbers[rows]
    return AtomicBatch(
        n_atoms=torch.from_numpy(n_atoms),
        structure=torch.from_numpy(structure),
        species=torch.from_numpy(species.of(numbers)),
        centred=torch.from_numpy(_centred(structures.positions[rows], numbers, structure, len(items))).to(
            dtype
        ),
        first=torch.from_numpy(np.concatenate([p.first for p in pairs]) + offsets),
        second=torch.from_numpy(np.concatenate([p.second for p in pairs]) + offsets),
        vectors=torch.from_numpy(np.concatenate([p.vectors for p in pairs])).to(dtype),
        volumes=volumes,
        targets=targets,
    )


def _centred(positions: np.ndarray, numbers: np.ndarray, structure: np.ndarray, n: int) -> np.ndarray:
    masses = atomic_masses[numbers]
    total = np.bincount(structure, masses, n)
    centres = np.stack([np.bincount(structure, masses * x, n) / total for x in positions.T], axis=1)
    return positions - centres[structure]
