"""What equivariant message passing needs to know of the edges of a batch."""

from typing import Self

import torch
from torch import Tensor

from tutti.nn.equivariant import align_to_polar_axis, dimension, rows_by_order
from tutti.nn.neighbours import molecule_pairs

MIN_DISTANCE = 1e-6
"""Å; closer atoms count as this far apart."""


class EdgeGraph:
    """Directed edges from senders to receivers, and the turns of each onto the polar axis.

    Attributes:
        receivers, senders: [E].
        distances: [E], Å.
    """

    def __init__(self, receivers: Tensor, senders: Tensor, distances: Tensor, frames: Tensor) -> None:
        """`frames` [E, d, d] are the Wigner matrices of `align_to_polar_axis`."""
        self.receivers, self.senders, self.distances = receivers, senders, distances
        self._frames = frames
        self._by_order: dict[int, Tensor] = {}

    @classmethod
    def of_molecules(cls, positions: Tensor, n_atoms: Tensor, cutoff: float, lmax: int) -> Self:
        """Edges within `cutoff` Å inside each molecule, with frames for degrees up to `lmax`."""
        receivers, senders = molecule_pairs(positions, n_atoms, cutoff)
        vectors = positions[senders] - positions[receivers]
        distances = torch.linalg.vector_norm(vectors, dim=-1)
        # Two atoms on one spot have no direction; a stand-in keeps the results of all others unharmed.
        coincident = distances < MIN_DISTANCE
        distances = distances.clamp_min(MIN_DISTANCE)
        directions = torch.where(coincident[:, None], vectors.new_tensor([0.0, 1.0, 0.0]), vectors)
        directions = torch.nn.functional.normalize(directions, dim=-1)
        return cls(receivers, senders, distances, align_to_polar_axis(lmax, directions))

    def frames(self, lmax: int) -> Tensor:
        """[E, d, d]: from components by degree to those of the turned frame by order (`rows_by_order`)."""
        if lmax not in self._by_order:
            rows = rows_by_order(lmax).to(self._frames.device)
            self._by_order[lmax] = self._frames[:, rows, : dimension(lmax)].contiguous()
        return self._by_order[lmax]

    def onto(self, nodes: Tensor, n_atoms: int) -> Self:
        """The edges whose receiver is one of `nodes` [n], with receivers counted 0 ... n − 1 in `nodes`."""
        rank = torch.full((n_atoms,), -1, device=nodes.device)
        rank[nodes] = torch.arange(len(nodes), device=nodes.device)
        kept = torch.nonzero(rank[self.receivers] >= 0).flatten()
        return type(self)(
            rank[self.receivers[kept]], self.senders[kept], self.distances[kept], self._frames[kept]
        )
