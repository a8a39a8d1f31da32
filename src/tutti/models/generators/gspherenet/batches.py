"""Molecules and their prefixes as a G-SphereNet is trained on them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from tutti.core.structures import Structures
from tutti.models.generators.connectivity import bonded
from tutti.models.generators.gspherenet.config import Config
from tutti.models.generators.gspherenet.trees import Placements, canonical, carbon_first
from tutti.models.species import Species
from tutti.nn.prefixes import PrefixGraph, rank_in_molecule
from tutti.nn.tensors import Tensors

GROUP = 1 << 13
"""Edges of all prefixes that a CPU embeds together: what is computed for them stays near its cache."""


@dataclass(frozen=True)
class Prefixes(Tensors):
    """All Q prefixes of 1 to n − 1 atoms of some molecules of n; each has an atom that is placed next.

    Attributes:
        species: [N], of the molecules' atoms but the last ones.
        graph: the prefixes; V nodes, prefix by prefix.
        complete: [V], 1.0 where all bonded neighbours of the node's atom are in the prefix.
        prefix: [V], prefix of each node.
        slots: [Q, M], node of each rank, V where the prefix has no such atom.
        placed: [Q], species of the next atom.
        noisy_types: [Q, S], its one-hot type plus uniform noise.
        against: [Q, 3], nodes of f, c1 and c2.
        coordinates: [Q, 3], distance (Å), angle, torsion.
        with_angle, with_torsion: [Q'], [Q''], prefixes whose next atom has one.
        whole: species of all atoms and the graph of the whole molecules; empty if they are not learnt from.
    """

    species: Tensor
    graph: PrefixGraph
    complete: Tensor
    prefix: Tensor
    slots: Tensor
    placed: Tensor
    noisy_types: Tensor
    against: Tensor
    coordinates: Tensor
    with_angle: Tensor
    with_torsion: Tensor
    whole: tuple[()] | tuple[Tensor, PrefixGraph]

    @property
    def n_judged(self) -> int:
        """Number of nodes of which is learnt whether they are complete."""
        return len(self.complete) + sum(len(species) for species in self.whole[:1])


@dataclass(frozen=True)
class Groups(Tensors):
    """A batch: its molecules in groups of consecutive ones."""

    groups: tuple[Prefixes, ...]


class Molecules(NamedTuple):
    """B molecules of n ≥ 2 atoms in the order of placement; all but `n_atoms` by atom.

    Attributes:
        n_atoms: [B].
        species: [N].
        positions: [N, 3] float64, Å.
        moved: [N, 3], the same with noise.
        parents: [N], ranks of the tree parents.
        last_neighbours: [N], highest rank of the bonded atoms, −1 for none.
        noise: [N, S], on the one-hot types.
    """

    n_atoms: Tensor
    species: Tensor
    positions: Tensor
    moved: Tensor
    parents: Tensor
    last_neighbours: Tensor
    noise: Tensor

    @classmethod
    def of(
        cls,
        structures: Structures,
        items: np.ndarray,
        species: Species,
        config: Config,
        rng: np.random.Generator,
    ) -> "Molecules":
        """Of `items` (at least one), the smallest first."""
        # Molecules of one size side by side leave little padding in a group.
        items = items[np.argsort(structures.n_atoms[items], kind="stable")]
        n_atoms, rows = structures.n_atoms[items], structures.atom_rows(items)
        rows = rows[carbon_first(structures.numbers[rows], n_atoms)]
        counts = torch.from_numpy(n_atoms)
        order, parents, sign, _ = canonical(
            torch.from_numpy(structures.positions[rows]).double(), counts, config
        )
        rows = rows[order.numpy()]
        numbers, points = structures.numbers[rows], structures.positions[rows]
        noise = config.dequantisation * rng.random(size=(len(rows), len(species)))
        jitter = rng.normal(scale=config.noise_variance**0.5, size=points.shape)
        sign = torch.repeat_interleave(sign, counts)[:, None]
        return cls(
            n_atoms=counts,
            species=torch.from_numpy(species.of(numbers)),
            positions=torch.from_numpy(points).double() * sign,
            moved=torch.from_numpy(points + jitter).double() * sign,
            parents=parents,
            last_neighbours=torch.from_numpy(_last_neighbours(numbers, points, n_atoms)),
            noise=torch.from_numpy(noise),
        )

    def split(self, groups: list[int]) -> "list[Molecules]":
        """The same in groups of so many molecules."""
        counts = self.n_atoms.split(groups)
        atoms = [int(own.sum()) for own in counts]
        return [Molecules(*own) for own in zip(counts, *(x.split(atoms) for x in self[1:]), strict=True)]

    def prefixes(self, config: Config, dtype: torch.dtype) -> Prefixes:
        """All their prefixes, in floating type `dtype`."""
        placements = Placements(self.positions, self.moved, self.n_atoms, self.parents, config)
        ranks, n_species = rank_in_molecule(self.n_atoms), self.noise.shape[1]
        ends = torch.cumsum(self.n_atoms, 0)
        kept = torch.ones(len(ranks), dtype=torch.bool).index_fill(0, ends - 1, value=False)
        graph = PrefixGraph.of_molecules(
            self.moved[kept].to(dtype), self.n_atoms - 1, config.cutoff, every=True
        )
        # The prefix of k atoms, the one before the atom of rank k is placed.
        sizes, first_nodes = placements.rank, torch.cumsum(placements.rank, 0) - placements.rank
        rank = torch.arange(int(sizes.max()))
        slots = torch.where(rank < sizes[:, None], first_nodes[:, None] + rank, int(sizes.sum()))
        starts = (ends - self.n_atoms)[placements.molecule]
        prefix = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
        last = self.last_neighbours[starts[prefix] + rank_in_molecule(sizes)]
        placed, noise = self.species[ranks > 0], self.noise[ranks > 0]
        references = torch.stack([placements.focus, placements.first, placements.second], dim=1)
        whole = ()
        if config.whole_molecules:
            moved = self.moved.to(dtype)
            whole = self.species, PrefixGraph.of_molecules(moved, self.n_atoms, config.cutoff, every=False)
        return Prefixes(
            species=self.species[kept],
            graph=graph,
            complete=(last < sizes[prefix]).to(dtype),
            prefix=prefix,
            slots=slots,
            placed=placed,
            noisy_types=(one_hot(placed, n_species) + noise).to(dtype),
            against=first_nodes[:, None] + references,
            coordinates=placements.coordinates.to(dtype),
            with_angle=torch.nonzero(placements.has_angle).flatten(),
            with_torsion=torch.nonzero(placements.has_torsion).flatten(),
            whole=whole,
        )


def groups_of(edges: Tensor, device: torch.device) -> list[int]:
    """How many consecutive molecules, of `edges` [B], to embed together: on a CPU `GROUP` edges, or one."""
    if device.type != "cpu":
        return [len(edges)] if len(edges) else []
    groups, total = [], GROUP
    for own in edges.tolist():
        total += own
        if total > GROUP:
            groups.append(0)
            total = own
        groups[-1] += 1
    return groups


def _last_neighbours(numbers: np.ndarray, positions: np.ndarray, n_atoms: np.ndarray) -> np.ndarray:
    """[ΣN]: highest rank of the atoms bonded to each atom; −1 for none."""
    result = np.full(len(numbers), -1)
    for start, n in zip(np.cumsum(n_atoms) - n_atoms, n_atoms, strict=True):
        own = slice(start, start + n)
        difference = positions[own, None] - positions[own]
        adjacent = bonded(numbers[own], np.sqrt(np.einsum("ijk,ijk->ij", difference, difference)))
        result[own] = np.where(adjacent, np.arange(n), -1).max(1)
    return result
