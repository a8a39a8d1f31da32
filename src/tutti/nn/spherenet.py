"""SphereNet: messages of triplets with distance, angle and torsion (Liu et al., ICLR 2022, arXiv:2102.05013).

In the paper, torsions are counted from the next neighbour on the way round; here, from a reference that stays
when atoms are added (see `triplets`), so that all prefixes of a molecule share their geometry.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu

from tutti.nn.graph import MIN_DISTANCE
from tutti.nn.prefixes import PrefixGraph
from tutti.nn.radial import BesselBasis, polynomial_envelope
from tutti.nn.spherical_bessel import SphericalBesselBasis
from tutti.nn.triplets import Triplets, sum_triplets


class Residual(nn.Module):
    """x + two dense layers of x."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(channels, channels), nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[..., channels] → [..., channels]."""
        return x + silu(self.second(silu(self.first(x))))


class Angular(nn.Module):
    """Angular factor of the triplets: a basis of distance and angles, reduced, then spread over channels."""

    def __init__(self, rows: Tensor, degrees: Tensor, n_radial: int, reduced: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("degrees", degrees, persistent=False)
        size = len(rows) * n_radial
        self.reduce = nn.Parameter(torch.randn(reduced, len(rows), n_radial) / math.sqrt(size))
        self.spread = nn.Parameter(torch.randn(channels, reduced) / math.sqrt(reduced))

    def forward(self, triplets: Triplets) -> Tensor:
        """[channels, N·M, M]."""
        return torch.tensordot(self.spread, triplets.project(self.reduce, self.rows, self.degrees), 1)


class Interaction(nn.Module):
    """New messages from those of the neighbouring edges (Liu et al. 2022, figure 3; Gasteiger et al. 2020b).

    Args:
        channels: of the messages.
        triplet_channels: in which triplets are summed.
        basis_channels: to which the bases are reduced.
        n_spherical, n_radial: sizes of the bases.
        before, after: residual blocks before and after the skip connection.
    """

    def __init__(
        self,
        channels: int,
        triplet_channels: int,
        basis_channels: int,
        n_spherical: int,
        n_radial: int,
        before: int,
        after: int,
    ) -> None:
        super().__init__()
        self.radial = nn.Sequential(
            nn.Linear(n_radial, basis_channels, bias=False), nn.Linear(basis_channels, channels, bias=False)
        )
        degrees = torch.arange(n_spherical)
        of_harmonics = torch.repeat_interleave(degrees, 2 * degrees + 1)
        sizes = n_radial, basis_channels, triplet_channels
        self.angle = Angular(degrees * (degrees + 1), degrees, *sizes)
        self.torsion = Angular(torch.arange(n_spherical**2), of_harmonics, *sizes)
        self.own, self.sent = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.down = nn.Linear(channels, triplet_channels, bias=False)
        self.up = nn.Linear(triplet_channels, channels, bias=False)
        self.before = nn.Sequential(*(Residual(channels) for _ in range(before)))
        self.skip = nn.Linear(channels, channels)
        self.after = nn.Sequential(*(Residual(channels) for _ in range(after)))

    def forward(
        self, messages: Tensor, radial: Tensor, triplets: Triplets, graph: PrefixGraph, copies: Tensor | None
    ) -> Tensor:
        """Messages [L, channels] → [L, channels].

        Args:
            messages: [L, channels], or [E, channels] where all copies of a pair have the same.
            radial: [E, n_radial], radial basis of the pairs.
            triplets: bases.
            graph: the edges.
            copies: None, or [L] where the messages are those of the pairs: the pair of each edge.
        """
        filters = self.radial(radial)
        filters = filters if copies is not None else filters.index_select(0, graph.pair)
        own, passed = silu(self.own(messages)), silu(self.sent(messages)) * filters
        sent = silu(self.down.weight @ passed.T)
        if copies is not None:
            messages, own = (x.index_select(0, copies) for x in (messages, own))
            sent = sent.index_select(1, copies)
        geometry = self.angle(triplets) * self.torsion(triplets)
        summed = sum_triplets(sent, geometry, graph)
        x = self.before(own + silu(linear(summed.T, self.up.weight)))
        return self.after(messages + silu(self.skip(x)))


class Readout(nn.Module):
    """What the atoms learn from the messages that they receive: filtered, summed, three dense layers."""

    def __init__(self, channels: int, n_radial: int) -> None:
        super().__init__()
        self.radial = nn.Linear(n_radial, channels, bias=False)
        self.dense = nn.Sequential(
            nn.Linear(channels, channels),
            nn.SiLU(),
            nn.Linear(channels, channels),
            nn.SiLU(),
            nn.Linear(channels, channels),
        )

    def forward(self, messages: Tensor, radial: Tensor, graph: PrefixGraph) -> Tensor:
        """Messages [L, channels], radial basis [E, n_radial] → [V, channels]."""
        filtered = messages * self.radial(radial).index_select(0, graph.pair)
        summed = messages.new_zeros(len(graph.atom), messages.shape[1])
        return self.dense(summed.index_add_(0, graph.node, filtered))


class SphereNet(nn.Module):
    """Features of atoms in all prefixes of a `PrefixGraph`; they know the handedness of the molecule.

    Args:
        n_species: size of the embedding.
        channels, layers: of messages and features, number of interactions.
        cutoff: Å.
        n_spherical, n_radial: degrees, and radial functions of each, of the bases.
        triplet_channels, basis_channels, before, after: see `Interaction`.
    """

    def __init__(
        self,
        n_species: int,
        *,
        channels: int,
        layers: int,
        cutoff: float,
        n_spherical: int,
        n_radial: int,
        triplet_channels: int,
        basis_channels: int,
        before: int,
        after: int,
    ) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.embedding = nn.Embedding(n_species, channels)
        self.distances = BesselBasis(n_radial, cutoff)
        self.bessel = SphericalBesselBasis(n_spherical, n_radial, cutoff)
        self.pair = nn.Linear(2 * channels + n_radial, channels)
        self.interactions = nn.ModuleList(
            Interaction(channels, triplet_channels, basis_channels, n_spherical, n_radial, before, after)
            for _ in range(layers)
        )
        self.readouts = nn.ModuleList(Readout(channels, n_radial) for _ in range(layers + 1))
        self.apply(_initialise)

    def forward(self, species: Tensor, graph: PrefixGraph) -> Tensor:
        """Species [N] of the molecules' atoms → features [V, channels] of the nodes."""
        embedded = self.embedding(species)
        vectors = graph.positions[graph.senders] - graph.positions[graph.receivers]
        r = torch.linalg.vector_norm(vectors, dim=-1).clamp_min(MIN_DISTANCE)
        radial = self.distances(r) * polynomial_envelope(r, self.cutoff)[:, None]
        triplets = Triplets.of(graph, self.bessel)
        ends = torch.cat([embedded[graph.receivers], embedded[graph.senders], radial], dim=1)
        messages = silu(self.pair(ends))
        features = embedded[graph.atom] + self.readouts[0](messages[graph.pair], radial, graph)
        copies = graph.pair
        for interaction, readout in zip(self.interactions, self.readouts[1:], strict=True):
            messages = interaction(messages, radial, triplets, graph, copies)
            features = features + readout(messages, radial, graph)
            copies = None
        return features


def _initialise(module: nn.Module) -> None:
    """Weights under which sums over triplets begin as large as an edge's own part, not a thousandth."""
    if isinstance(module, nn.Linear):
        gain = 1.7 if module.bias is None else 1.0
        nn.init.normal_(module.weight, std=gain / math.sqrt(module.in_features))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
