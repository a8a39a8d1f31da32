"""What SchNet sees in the steps of a molecule: the origin, the atoms placed so far, and the focus token."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from tutti.nn.schnet import SchNet


@dataclass(frozen=True)
class StepGraph:
    """The nodes of T steps of each of B molecules, with P = 1 + M places for the origin and the atoms.

    All steps of a molecule share its distances, because the focus token stands on one of the places; so a
    filter belongs to two places, and the sums over neighbours of all steps are one product of matrices for
    each molecule and channel. It costs nothing to tell apart what is on one spot: messages that a place and
    the focus token on it send each other go through the filter at distance 0, and what a node would send
    itself is taken off again.

    Attributes:
        cells: [N], where each node stands: (molecule · T + step) · P + place.
        shape: (B, T, P).
    """

    cells: Tensor
    shape: tuple[int, int, int]

    def convolve(self, features: Tensor, filters: Tensor) -> Tensor:
        """Σ_j features_j ∘ filters_ij over all other nodes j of the same step, at each node i.

        Args:
            features: [N, F].
            filters: [F, B, P, P], symmetric; filters[:, :, p, p] is the filter at distance 0.
        """
        n_channels = features.shape[1]
        cells = features.new_zeros(self.shape[0] * self.shape[1] * self.shape[2], n_channels)
        cells.index_add_(0, self.cells, features)
        # Transposing matrices is fast, permuting more dimensions is not.
        sums = cells.t().contiguous().view(n_channels, *self.shape) @ filters
        sums = sums.view(n_channels, -1).t().contiguous()
        return torch.addcmul(sums.index_select(0, self.cells), filters[:, 0, 0, 0], features, value=-1.0)


def between_places(filters: Tensor, pairs: Tensor) -> Tensor:
    """Filters [F, B, P, P] of places, from those of pairs [n, F] and the pair of two places [B, P, P]."""
    return filters.index_select(0, pairs.flatten()).t().contiguous().view(-1, *pairs.shape)


class FilterCache:
    """Filters between the places of molecules that grow, each computed once, when its second place is taken.

    They take 4 · layers · channels · P² bytes for each molecule in single precision: 1.7 MB for 18 atoms at
    the published size, 6 MB for 35.

    Attributes:
        filters: of each interaction, [channels, rows, P, P]; P grows as needed.
    """

    # Places added at a time, and the share of rows in use below which the others are dropped.
    _MORE, _FEW = 4, 0.75

    def __init__(self, network: SchNet, n: int) -> None:
        self.network = network
        weight = network.embedding.weight
        self._rows = torch.arange(n, device=weight.device)
        empty = weight.new_zeros(weight.shape[1], n, 0, 0)
        self.filters = [empty] * len(network.interactions)

    def add(self, molecule: Tensor, place: Tensor, other: Tensor, distances: Tensor) -> None:
        """Filters between two places of a molecule, all [n]; distances in Å."""
        if not len(molecule):
            return
        missing = int(place.max()) + 1 - self.filters[0].shape[-1]
        if missing > 0:
            more = missing + -missing % self._MORE
            self.filters = [pad(filters, (0, more, 0, more)) for filters in self.filters]
        rows = self._rows[molecule]
        for filters, new in zip(self.filters, self.network.filters(distances), strict=True):
            filters[:, rows, place, other] = filters[:, rows, other, place] = new.t()

    def keep(self, molecules: Tensor) -> None:
        """Forget all but `molecules` [A], if they are few."""
        if not len(molecules) < self._FEW * self.filters[0].shape[1]:
            return
        rows = self._rows[molecules]
        self.filters = [filters[:, rows] for filters in self.filters]
        self._rows[molecules] = torch.arange(len(rows), device=rows.device)

    def graph(self, molecule: Tensor, place: Tensor) -> StepGraph:
        """The graph of nodes on places [N] of molecules [N], one step each."""
        _, n, _, n_places = self.filters[0].shape
        return StepGraph(self._rows[molecule] * n_places + place, (n, 1, n_places))
