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
class Incoming(Tensors):
    """The edges of a graph by the atom where they end.

    Attributes:
        order: [N], atoms by falling number of edges.
        edges: [N, most], the edges of each in this order; E where there are no more.
        counts: their numbers.
    """

    order: Tensor
    edges: Tensor
    counts: tuple[int, ...]

    @classmethod
    def of(cls, receivers: Tensor, n_atoms: int) -> Self:
        """Of the E edges that end at `receivers` [E]; waits for their device."""
        counts = torch.bincount(receivers, minlength=n_atoms)
        of_atoms, order = torch.sort(counts, descending=True, stable=True)
        sizes = of_atoms.tolist()
        by_atom, first = torch.argsort(receivers, stable=True), torch.cumsum(counts, 0) - counts
        places = torch.arange(sizes[0] if sizes else 0, device=receivers.device)
        there = places < of_atoms[:, None]
        rows = torch.where(there, first[order][:, None] + places, 0)
        edges = torch.where(there, by_atom[rows], len(receivers)) if len(receivers) else rows
        return cls(order, edges, tuple(sizes))


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

    @property
    def receivers(self) -> Tensor:
        """[2P]: where the edges of `EdgeGraph.of_pairs` end."""
        return torch.stack([self.first, self.second], dim=1).flatten()


@dataclass(frozen=True)
class Arrivals(Tensors):
    """Which edges of a graph end at some of its atoms.

    Attributes:
        nodes: [n], the atoms.
        edges: [K], the edges.
        ranks: [K], at which of `nodes` each ends.
        incoming: the same, by node.
    """

    nodes: Tensor
    edges: Tensor
    ranks: Tensor
    incoming: Incoming

    @classmethod
    def at(cls, nodes: Tensor, neighbours: Neighbours, n_atoms: int) -> Self:
        """At `nodes` [n] of a graph `EdgeGraph.of_pairs` of `n_atoms` atoms; waits for their device."""
        rank = torch.full((n_atoms,), -1, device=nodes.device)
        rank[nodes] = torch.arange(len(nodes), device=nodes.device)
        of_receivers = rank[neighbours.receivers]
        edges = torch.nonzero(of_receivers >= 0).flatten()
        ranks = of_receivers[edges]
        return cls(nodes, edges, ranks, Incoming.of(ranks, len(nodes)))


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
        self,
        receivers: Tensor,
        senders: Tensor,
        distances: Tensor,
        directions: Tensor,
        ways: int,
        lmax: int,
        incoming: Incoming | None = None,
    ) -> None:
        self.receivers, self.senders = receivers, senders
        self.distances, self.directions = distances, directions
        self.ways, self.lmax, self._incoming = ways, lmax, incoming

    def incoming(self, n_receivers: int) -> Incoming:
        """The edges by receiver; waits for the device where they were not given."""
        if self._incoming is None:
            self._incoming = Incoming.of(self.receivers, n_receivers)
        return self._incoming

    @classmethod
    def of_molecules(cls, positions: Tensor, n_atoms: Tensor, cutoff: float, lmax: int) -> Self:
        """Both edges of each pair within `cutoff` Å inside a molecule; waits for the device."""
        return cls.of_pairs(positions, Neighbours.of_molecules(positions, n_atoms, cutoff), lmax)

    @classmethod
    def of_pairs(
        cls, positions: Tensor, neighbours: Neighbours, lmax: int, incoming: Incoming | None = None
    ) -> Self:
        """Both edges of each pair of atoms at `positions` [N, 3] (Å)."""
        first, second = neighbours.first, neighbours.second
        vectors = positions.index_select(0, first) - positions.index_select(0, second)
        distances = torch.linalg.vector_norm(vectors, dim=-1)
        # Two atoms on one spot have no direction; a stand-in keeps the results of all others unharmed.
        stand_in = torch.nn.functional.pad(vectors.new_ones(1), (1, 1))
        directions = torch.where((distances < MIN_DISTANCE)[:, None], stand_in, vectors)
        return cls(
            neighbours.receivers,
            torch.stack([second, first], dim=1).flatten(),
            distances.clamp_min(MIN_DISTANCE),
            torch.nn.functional.normalize(directions, dim=-1),
            2,
            lmax,
            incoming,
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
            arrivals.incoming,
        )

    def _directions_of_edges(self) -> Tensor:
        ways = [self.directions, -self.directions][: self.ways]
        return torch.stack(ways, dim=1).flatten(0, 1)
