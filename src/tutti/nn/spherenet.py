"""SphereNet: messages of triplets with distance, angle and torsion (Liu et al., ICLR 2022, arXiv:2102.05013).

As in the code of G-SphereNet: the features of atoms are read out once, after the last interaction.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from tutti.nn.dense import Dense, silu_dense
from tutti.nn.graph import MIN_DISTANCE
from tutti.nn.prefixes import PrefixGraph
from tutti.nn.radial import polynomial_envelope
from tutti.nn.triplets import TripletBases, TripletBasis, sum_paths


class DistanceBasis(nn.Module):
    """envelope(x) · sin(f_n x) with x = r / c and the envelope 1/x − 28 x⁵ + 48 x⁶ − 21 x⁷.

    Gasteiger et al. 2020, equations 7 and 8; the frequencies begin at nπ and are trained.
    """

    def __init__(self, n: int, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.frequencies = nn.Parameter(math.pi * torch.arange(1, n + 1, dtype=torch.get_default_dtype()))

    def forward(self, r: Tensor) -> Tensor:
        """[E, n] at distances `r` [E] > 0 in Å."""
        x = r / self.cutoff
        envelope = polynomial_envelope(r, self.cutoff) / x
        return envelope[:, None] * torch.sin(self.frequencies * x[:, None])


class Residual(nn.Module):
    """x + two dense layers of x."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = Dense(channels, channels), Dense(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[..., channels] → [..., channels]."""
        return x + silu_dense(self.second, silu_dense(self.first, x))


class FirstMessages(nn.Module):
    """Messages from the species of both atoms and their distance."""

    def __init__(self, channels: int, n_radial: int) -> None:
        super().__init__()
        self.radial = Dense(n_radial, channels)
        self.dense = Dense(3 * channels, channels)

    def forward(self, embedded: Tensor, radial: Tensor, graph: PrefixGraph) -> Tensor:
        """Embedded species [N, channels], radial basis [E, n_radial] → [E, channels]."""
        ends = [embedded[graph.receivers], embedded[graph.senders], silu_dense(self.radial, radial)]
        return silu_dense(self.dense, torch.cat(ends, dim=1))


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

        def filters(size: int, width: int) -> nn.Sequential:
            reduce = Dense(size, basis_channels, bias=False)
            return nn.Sequential(reduce, Dense(basis_channels, width, bias=False))

        self.radial = filters(n_radial, channels)
        self.angle = filters(n_spherical * n_radial, triplet_channels)
        self.torsion = filters(n_spherical**2 * n_radial, triplet_channels)
        self.own, self.sent = Dense(channels, channels), Dense(channels, channels)
        self.down = Dense(channels, triplet_channels, bias=False)
        self.up = Dense(triplet_channels, channels, bias=False)
        self.before = nn.Sequential(*(Residual(channels) for _ in range(before)))
        self.skip = Dense(channels, channels)
        self.after = nn.Sequential(*(Residual(channels) for _ in range(after)))

    def forward(
        self,
        messages: Tensor,
        radial: Tensor,
        reduced: tuple[Tensor, Tensor],
        graph: PrefixGraph,
        pairs: bool,
    ) -> Tensor:
        """New messages [L, channels].

        Args:
            messages: [L, channels] of the edges, or [E, channels] of the pairs.
            radial: [E, n_radial], radial basis of the pairs.
            reduced: [D, basis_channels] each, the triplets' bases times the first weights of their filters.
            graph: the edges.
            pairs: whether the messages are those of the pairs, all edges of which have the same.
        """
        filters = self.radial(radial)
        filters = filters if pairs else filters.index_select(0, graph.pair)
        sent = silu_dense(self.down, silu_dense(self.sent, messages) * filters)
        own = silu_dense(self.own, messages)
        if pairs:
            messages, own, sent = (x.index_select(0, graph.pair) for x in (messages, own, sent))
        geometry = self.angle[1](reduced[0]) * self.torsion[1](reduced[1])
        x = self.before(own + silu_dense(self.up, sum_paths(sent, geometry, graph)))
        return self.after(messages + silu_dense(self.skip, x))


class SphereNet(nn.Module):
    """Features of atoms in all prefixes of a `PrefixGraph`; they know the handedness of the molecule.

    Args:
        n_species: size of the embedding.
        channels, layers: of messages and features, number of interactions.
        cutoff: Å.
        n_spherical, n_radial: degrees, and radial functions of each, of the bases.
        triplet_channels, basis_channels, before, after: see `Interaction`.
        readout_channels: of the layers that make features of the sums of messages.
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
        readout_channels: int,
        before: int,
        after: int,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_species, channels)
        self.distances = DistanceBasis(n_radial, cutoff)
        self.bases = TripletBasis(n_spherical, n_radial, cutoff)
        self.first = FirstMessages(channels, n_radial)
        self.interactions = nn.ModuleList(
            Interaction(channels, triplet_channels, basis_channels, n_spherical, n_radial, before, after)
            for _ in range(layers)
        )
        self.filter_alone = Dense(n_radial, channels, bias=False)
        self.filter = Dense(n_radial, channels, bias=False)
        self.readout = nn.Sequential(
            Dense(channels, readout_channels),
            Dense(readout_channels, readout_channels),
            nn.SiLU(),
            Dense(readout_channels, readout_channels),
            nn.SiLU(),
            Dense(readout_channels, channels),
        )
        self._initialise()

    def forward(self, species: Tensor, graph: PrefixGraph) -> Tensor:
        """Species [N] of the molecules' atoms → features [V, channels] of the nodes.

        Those of an atom without a neighbour are its embedded species.
        """
        embedded = self.embedding(species)
        vectors = graph.positions[graph.senders] - graph.positions[graph.receivers]
        r = torch.linalg.vector_norm(vectors, dim=-1).clamp_min(MIN_DISTANCE)
        radial = self.distances(r)
        first = messages = self.first(embedded, radial, graph)
        reduced = self.reduced(self.bases(graph, r))
        for layer, (interaction, own) in enumerate(zip(self.interactions, reduced, strict=True)):
            messages = interaction(messages, radial, own, graph, pairs=layer == 0)
        received = self.received(first, messages, radial, graph)
        summed = received.new_zeros(len(graph.atom), received.shape[1])
        summed = summed.index_add(0, graph.node, received)
        return torch.where(graph.isolated[:, None], embedded[graph.atom], self.readout(summed))

    def reduced(self, bases: TripletBases) -> Iterator[tuple[Tensor, Tensor]]:
        """The triplets' bases reduced by the weights of each interaction in turn, see `Interaction`."""
        of_angle = torch.cat([interaction.angle[0].weight for interaction in self.interactions])
        of_both = torch.cat([interaction.torsion[0].weight for interaction in self.interactions])
        n = len(self.interactions)
        return zip(*(all_.chunk(n, 1) for all_ in bases.reduced(of_angle, of_both)), strict=True)

    def received(self, first: Tensor, messages: Tensor, radial: Tensor, graph: PrefixGraph) -> Tensor:
        """What the atoms receive, [L, channels]: filtered messages, or first messages of edges in no triplet.

        Args:
            first: [E, channels], first messages of the pairs.
            messages: [L, channels], those after the last interaction.
            radial: [E, n_radial], radial basis of the pairs.
            graph: the edges.
        """
        pairs = graph.pair[graph.lone]
        own = self.filter_alone(radial[pairs]) * first[pairs]
        filtered = messages * self.filter(radial).index_select(0, graph.pair)
        return filtered.index_copy(0, graph.lone, own)

    def _initialise(self) -> None:
        """As in the authors' code: dense layers orthogonal with the variance of Glorot, no biases.

        The first messages' layers, and the bias of the readout's first, stay as PyTorch makes them.
        """
        nn.init.uniform_(self.embedding.weight, -math.sqrt(3.0), math.sqrt(3.0))
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear) and not name.startswith("first."):
                nn.init.orthogonal_(module.weight)
                with torch.no_grad():
                    scale = 2.0 / (sum(module.weight.shape) * module.weight.square().mean())
                    module.weight.mul_(scale.sqrt())
                if module.bias is not None and name != "readout.0":
                    nn.init.zeros_(module.bias)
