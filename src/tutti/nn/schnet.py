"""SchNet's continuous-filter convolution."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

from tutti.nn.dense import Dense
from tutti.nn.pairs import PairGraph
from tutti.nn.radial import GaussianBasis, cosine_cutoff, shifted_softplus


class Convolution(Protocol):
    """What SchNet's messages run over: a `PairGraph`, or another way to the same sums."""

    def convolve(self, features: Tensor, filters: Tensor) -> Tensor:
        """Σ_j features_j ∘ filters_ij at each node i, [N, channels], for features [N, channels]."""


class ShiftedSoftplus(nn.Module):
    """`shifted_softplus` as a module."""

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise."""
        return shifted_softplus(x)


class RadialFeatures(nn.Module):
    """Gaussians and a cutoff function of the distances, shared by all interactions: [E, n_gaussians], [E]."""

    def __init__(
        self, n_gaussians: int, cutoff: float, envelope: Callable[[Tensor, float], Tensor] = cosine_cutoff
    ) -> None:
        super().__init__()
        self.cutoff, self.envelope = cutoff, envelope
        self.basis = GaussianBasis(n_gaussians, cutoff)

    def forward(self, r: Tensor) -> tuple[Tensor, Tensor]:
        """Distances [E] in Å."""
        return self.basis(r), self.envelope(r, self.cutoff)


class FilterLayer(nn.Module):
    """First of the two dense layers of a filter, ssp(W · Gaussians + b) times the cutoff.

    The second layer is linear, and its bias takes the cutoff too.
    """

    def __init__(self, n_gaussians: int, channels: int) -> None:
        super().__init__()
        self.dense = nn.Linear(n_gaussians, channels)

    def forward(self, gaussians: Tensor, envelope: Tensor) -> Tensor:
        """[E, n_gaussians], [E] → [E, channels]."""
        return shifted_softplus(self.dense(gaussians)) * envelope[:, None]


class SchNetInteraction(nn.Module):
    """x_i += interaction block of SchNet (Schütt et al. 2017, figure 2)."""

    def __init__(self, channels: int, n_gaussians: int) -> None:
        super().__init__()
        self.hidden = FilterLayer(n_gaussians, channels)
        self.filter = nn.Linear(channels, channels)
        self.before = Dense(channels, channels, bias=False)
        self.between = Dense(channels, channels)
        self.after = Dense(channels, channels)

    def filters(self, gaussians: Tensor, envelope: Tensor) -> Tensor:
        """`RadialFeatures` of P pairs → the filters of their messages [P, channels]."""
        hidden = self.hidden(gaussians, envelope)
        return torch.addmm(envelope[:, None] * self.filter.bias, hidden, self.filter.weight.T)

    def update(self, x: Tensor, graph: Convolution, filters: Tensor) -> Tensor:
        """`forward` with filters as the graph takes them, [N, channels] → [N, channels]."""
        convolved = graph.convolve(self.before(x), filters)
        return x + self.after(shifted_softplus(self.between(convolved)))

    def forward(self, x: Tensor, graph: PairGraph, gaussians: Tensor, envelope: Tensor) -> Tensor:
        """Features [N, channels], and `RadialFeatures` of the P pairs → [N, channels]."""
        return self.update(x, graph, self.filters(gaussians, envelope))


class SchNet(nn.Module):
    """Embedding of the species and `layers` interactions (Schütt et al. 2017, arXiv:1706.08566).

    Args:
        n_species: size of the embedding.
        channels: features per atom.
        layers: number of interactions.
        n_gaussians: radial basis functions from 0 to the cutoff.
        cutoff: Å.
        envelope: cutoff function of distances and cutoff, which the filters are multiplied by.
    """

    def __init__(
        self,
        n_species: int,
        *,
        channels: int,
        layers: int,
        n_gaussians: int,
        cutoff: float,
        envelope: Callable[[Tensor, float], Tensor] = cosine_cutoff,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_species, channels)
        self.radial = RadialFeatures(n_gaussians, cutoff, envelope)
        self.interactions = nn.ModuleList(SchNetInteraction(channels, n_gaussians) for _ in range(layers))

    def forward(self, species: Tensor, graph: PairGraph) -> Tensor:
        """Species [N] → features [N, channels]."""
        x, radial = self.embedding(species), self.radial(graph.distances)
        for interaction in self.interactions:
            x = interaction(x, graph, *radial)
        return x

    def filters(self, distances: Tensor) -> Iterator[Tensor]:
        """Filters [P, channels] of each interaction at distances [P] in Å, made one after another."""
        radial = self.radial(distances)
        return (interaction.filters(*radial) for interaction in self.interactions)

    def interact(self, species: Tensor, graph: Convolution, filters: Iterable[Tensor]) -> Tensor:
        """`forward` over a graph that takes filters of another shape, one set for each interaction."""
        x = self.embedding(species)
        for interaction, own in zip(self.interactions, filters, strict=True):
            x = interaction.update(x, graph, own)
        return x
