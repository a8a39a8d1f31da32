"""What equivariant message passing needs to know of the edges of a batch."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from tutti.nn.equivariant import align_to_polar_axis
from tutti.nn.neighbours import molecule_pairs
from tutti.nn.tensors import Tensors

MIN_DISTANCE = 1e-6
"""Å; closer atoms count as this far apart."""


@dataclass(frozen=True)
class Neighbours(Tensors):
    """P pairs of atoms, each once, by their rows: `first` and `second` [P]."""

    first: Tensor
    second: Tensor

    @classmethod
    def of_molecules(cls, positions: Tensor, n_atoms: Tensor, cutoff: float) -> Self:
        """Those within `cutoff` Å inside a molecule; waits for their device. Arguments: `molecule_pairs`."""
        first, second = molecule_pairs(positions, n_atoms, cutoff)
        once = first < second
        return cls(first[once], second[once])


@dataclass(frozen=True)
class Arrivals(Tensors):
    """Which edges of a graph end at some of its atoms.

    Attributes:
        nodes: [n], the atoms.
        edges: [K], the edges.
        ranks: [K], at which of `nodes` each ends.
    """

    nodes: Tensor
    edges: Tensor
    ranks: Tensor

    @classmethod
    def at(cls, nodes: Tensor, neighbours: Neighbours, n_atoms: int) -> Self:
        """At `nodes` [n] of a graph `EdgeGraph.of_pairs` of `n_atoms` atoms; waits for their device."""
        rank = torch.full((n_atoms,), -1, device=nodes.device)
        rank[nodes] = torch.arange(len(nodes), device=nodes.device)
        of_receivers = rank[torch.stack([neighbours.first, neighbours.second], dim=1).flatten()]
        edges = torch.nonzero(of_receivers >= 0).flatten()
        return cls(nodes, edges, of_receivers[edges])


class EdgeGraph:
    """E directed edges from senders to receivers, of P lengths.

    Edges of one length, what the radial networks compute for both, stand next to each other: the two
    directions of each pair of atoms, or single edges.

    Attributes:
        receivers, senders: [E].
        distances: [P], Å.
        directions: [P, 3], unit vectors from the sender to the receiver of the first edge of each length.
        ways: edges per length, E / P: 2, the second against the first, or 1.
        lmax: highest degree of `frames`.
    """

    def __init__(
        self, receivers: Tensor, senders: Tensor, distances: Tensor, directions: Tensor, ways: int, lmax: int
    ) -> None:
        self.receivers, self.senders = receivers, senders
        self.distances, self.directions = distances, directions
        self.ways, self.lmax = ways, lmax

    @classmethod
    def of_molecules(cls, positions: Tensor, n_atoms: Tensor, cutoff: float, lmax: int) -> Self:
        """Both edges of each pair within `cutoff` Å inside a molecule; waits for the device."""
        return cls.of_pairs(positions, Neighbours.of_molecules(positions, n_atoms, cutoff), lmax)

    @classmethod
    def of_pairs(cls, positions: Tensor, neighbours: Neighbours, lmax: int) -> Self:
        """Both edges of each pair of atoms at `positions` [N, 3] (Å)."""
        first, second = neighbours.first, neighbours.second
        vectors = positions.index_select(0, first) - positions.index_select(0, second)
        distances = torch.linalg.vector_norm(vectors, dim=-1)
        # Two atoms on one spot have no direction; a stand-in keeps the results of all others unharmed.
        stand_in = torch.nn.functional.pad(vectors.new_ones(1), (1, 1))
        directions = torch.where((distances < MIN_DISTANCE)[:, None], stand_in, vectors)
        return cls(
            torch.stack([first, second], dim=1).flatten(),
            torch.stack([second, first], dim=1).flatten(),
            distances.clamp_min(MIN_DISTANCE),
            torch.nn.functional.normalize(directions, dim=-1),
            2,
            lmax,
        )

    @cached_property
    def frames(self) -> list[Tensor]:
        """For each degree up to `lmax` the turns of all edges onto the polar axis, [E, 2l + 1, 2l + 1]."""
        return align_to_polar_axis(self.lmax, self._directions_of_edges())

    def onto(self, arrivals: Arrivals) -> Self:
        """Those edges alone, with receivers counted 0 ... n − 1 in `arrivals.nodes`."""
        edges = arrivals.edges
        return type(self)(
            arrivals.ranks,
            self.senders[edges],
            self.distances[edges // self.ways],
            self._directions_of_edges()[edges],
            1,
            self.lmax,
        )

    def _directions_of_edges(self) -> Tensor:
        ways = [self.directions, -self.directions][: self.ways]
        return torch.stack(ways, dim=1).flatten(0, 1)
