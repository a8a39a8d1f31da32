"""What equivariant message passing needs to know of the edges of a batch."""

from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from tutti.nn.equivariant import align_to_polar_axis
from tutti.nn.neighbours import molecule_pairs

MIN_DISTANCE = 1e-6
"""Å; closer atoms count as this far apart."""


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
        """Both edges of each pair within `cutoff` Å inside a molecule."""
        receivers, senders = molecule_pairs(positions, n_atoms, cutoff)
        first = receivers < senders
        receivers, senders = receivers[first], senders[first]
        vectors = positions[receivers] - positions[senders]
        distances = torch.linalg.vector_norm(vectors, dim=-1)
        # Two atoms on one spot have no direction; a stand-in keeps the results of all others unharmed.
        coincident = distances < MIN_DISTANCE
        directions = torch.where(coincident[:, None], vectors.new_tensor([0.0, 1.0, 0.0]), vectors)
        return cls(
            torch.stack([receivers, senders], dim=1).flatten(),
            torch.stack([senders, receivers], dim=1).flatten(),
            distances.clamp_min(MIN_DISTANCE),
            torch.nn.functional.normalize(directions, dim=-1),
            2,
            lmax,
        )

    @cached_property
    def frames(self) -> list[Tensor]:
        """For each degree up to `lmax` the turns of all edges onto the polar axis, [E, 2l + 1, 2l + 1]."""
        return align_to_polar_axis(self.lmax, self._directions_of_edges())

    def onto(self, nodes: Tensor, n_atoms: int) -> Self:
        """The edges whose receiver is one of `nodes` [n], with receivers counted 0 ... n − 1 in `nodes`."""
        rank = torch.full((n_atoms,), -1, device=nodes.device)
        rank[nodes] = torch.arange(len(nodes), device=nodes.device)
        kept = torch.nonzero(rank[self.receivers] >= 0).flatten()
        return type(self)(
            rank[self.receivers[kept]],
            self.senders[kept],
            self.distances[kept // self.ways],
            self._directions_of_edges()[kept],
            1,
            self.lmax,
        )

    def _directions_of_edges(self) -> Tensor:
        signs = self.directions.new_tensor([1.0, -1.0][: self.ways])
        return (self.directions[:, None] * signs[:, None]).flatten(0, 1)
