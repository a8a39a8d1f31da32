"""Pairs of neighbouring atoms, each pair once: what the message passing of force fields runs over."""

import copy
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from tutti.nn.graph import MIN_DISTANCE


class PairGraph:
    """P pairs of atoms within the cutoff, periodic images included; each stands for messages both ways.

    What depends on the distance alone is computed once per pair. Messages are [2, P, ...]: first those to
    `first` (sent by `second`), then those to `second`.

    Attributes:
        first, second: [P], rows of the atoms; an atom may be its own image's neighbour.
        vectors: [P, 3] Å, from `first` to `second`.
        n_atoms: number of atoms.
    """

    def __init__(self, first: Tensor, second: Tensor, vectors: Tensor, n_atoms: int) -> None:
        self.first, self.second, self.vectors, self.n_atoms = first, second, vectors, n_atoms
        self._senders, self._receivers = torch.cat([second, first]), torch.cat([first, second])

    def with_lone_atoms(self, count: int) -> Self:
        """The same pairs; `count` atoms without neighbours come after all others."""
        larger = copy.copy(self)
        larger.n_atoms = self.n_atoms + count
        return larger

    @cached_property
    def distances(self) -> Tensor:
        """[P] Å; atoms on one spot count as `MIN_DISTANCE` apart, and feel no force from each other."""
        squares = (self.vectors * self.vectors).sum(-1)
        return squares.clamp_min(MIN_DISTANCE**2).sqrt()

    @cached_property
    def directions(self) -> Tensor:
        """[P, 3] unit vectors from `first` to `second`; 0 for atoms on one spot."""
        return self.vectors / self.distances[:, None]

    def senders(self, features: Tensor) -> Tensor:
        """Features [N, ...] of the atom that sends each message, [2, P, ...]."""
        return features.index_select(0, self._senders).unflatten(0, (2, -1))

    def sum(self, messages: Tensor) -> Tensor:
        """Messages [2, P, ...] summed at the atoms that receive them, [N, ...]."""
        result = messages.new_zeros(self.n_atoms, *messages.shape[2:])
        # A source that is not contiguous takes several times as long.
        return result.index_add_(0, self._receivers, messages.flatten(0, 1).contiguous())

    def convolve(self, features: Tensor, filters: Tensor) -> Tensor:
        """Σ_j features_j ∘ filters_ij at each atom i, [N, channels]; features [N, ...], filters [P, ...]."""
        return self.sum(self.senders(features) * filters)
