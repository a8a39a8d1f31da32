"""SchNet's continuous-filter convolution, on scalars and extended to features of higher degree (E3SchNet)."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn

from tutti.nn.convolution import EdgeConvolution
from tutti.nn.equivariant import EquivariantLinear, Gate, pad_degrees
from tutti.nn.graph import EdgeGraph
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
        self.before = nn.Linear(channels, channels, bias=False)
        self.between = nn.Linear(channels, channels)
        self.after = nn.Linear(channels, channels)

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


class E3SchNetInteraction(nn.Module):
    """h_i += interaction block of SchNet (Schütt et al. 2017, figure 2), its cfconv taken with Y_l(r̂_ij).

    Filters are SchNet's; atom-wise layers mix the channels of each degree; the activation is shifted softplus
    on scalars and a sigmoid gate on higher degrees. At degree 0 this is `SchNetInteraction` exactly.
    """

    def __init__(self, lmax_in: int, lmax_edge: int, lmax_out: int, channels: int, n_gaussians: int) -> None:
        super().__init__()
        self.lmax_out = lmax_out
        self.hidden = FilterLayer(n_gaussians, channels)
        self.before = EquivariantLinear(lmax_in, channels, channels, bias=False)
        self.convolution = EdgeConvolution(lmax_in, lmax_edge, lmax_out, channels, channels, bias=True)
        self.between = EquivariantLinear(lmax_out, channels, channels)
        self.gates = nn.Linear(channels, lmax_out * channels) if lmax_out else None
        self.gate = Gate(lmax_out, ShiftedSoftplus())
        self.after = EquivariantLinear(lmax_out, channels, channels)

    def forward(self, h: Tensor, graph: EdgeGraph, gaussians: Tensor, envelope: Tensor) -> Tensor:
        """[N, (lmax_in + 1)², channels], `RadialFeatures` of the edges → [N, (lmax_out + 1)², channels]."""
        # The filter's second dense layer is inside the convolution.
        hidden = self.hidden(gaussians, envelope)
        x = self.between(self.convolution(self.before(h), hidden, envelope, graph, len(h)))
        gates = x[:, 0] if self.gates is None else self.gates(x[:, 0])
        return pad_degrees(h, self.lmax_out) + self.after(self.gate(x, gates))


class E3SchNet(nn.Module):
    """Embedding of the species and `layers` E3SchNet interactions; the last returns degrees up to `lmax_out`.

    Args:
        n_species: size of the embedding.
        lmax: highest degree of features and harmonics between the layers.
        lmax_out: highest degree of the result.
        channels: per degree.
        layers: number of interactions.
        n_gaussians: radial basis functions from 0 to the cutoff.
        cutoff: Å.
    """

    def __init__(
        self,
        n_species: int,
        *,
        lmax: int,
        lmax_out: int,
        channels: int,
        layers: int,
        n_gaussians: int,
        cutoff: float,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_species, channels)
        degrees = [0, *[lmax] * (layers - 1), lmax_out]
        self.radial = RadialFeatures(n_gaussians, cutoff)
        self.interactions = nn.ModuleList(
            E3SchNetInteraction(l_in, lmax, l_out, channels, n_gaussians) for l_in, l_out in pairwise(degrees)
        )

    def forward(self, species: Tensor, graph: EdgeGraph) -> Tensor:
        """Species [N] → features [N, (lmax_out + 1)², channels]."""
        h, radial = self.embedding(species)[:, None], self.radial(graph.distances)
        for interaction in self.interactions:
            h = interaction(h, graph, *radial)
        return h
