"""PaiNN: messages of scalars and vectors (Schütt, Unke and Gastegger 2021, arXiv:2102.03150)."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from tutti.nn.glorot import glorot
from tutti.nn.pairs import PairGraph
from tutti.nn.radial import GaussianBasis, cosine_cutoff

EPSILON = 1e-8
"""Added to ‖Vv‖² under the root, whose derivative is not finite at 0."""


class PaiNN(nn.Module):
    """Embedding of the species and `layers` blocks, each a message and an update.

    Args:
        n_species: size of the embedding.
        channels: scalar and vector features per atom.
        layers: number of blocks.
        n_basis: radial basis functions.
        cutoff: Å.
        basis: "bessel", sin(nπ r / cutoff) / r (equation 12), or "gaussian".
    """

    def __init__(
        self,
        n_species: int,
        *,
        channels: int,
        layers: int,
        n_basis: int,
        cutoff: float,
        basis: Literal["bessel", "gaussian"] = "bessel",
    ) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.gaussians = GaussianBasis(n_basis, cutoff) if basis == "gaussian" else None
        if self.gaussians is None:
            frequencies = torch.arange(1, n_basis + 1, dtype=torch.float64) * (math.pi / cutoff)
            self.register_buffer("frequencies", frequencies.to(torch.get_default_dtype()))
        self.embedding = nn.Embedding(n_species, channels)
        # Vectors are zero before the first message, which therefore has no part for them.
        self.messages = nn.ModuleList(Message(channels, 3 if k else 2) for k in range(layers))
        self.updates = nn.ModuleList(Update(channels) for _ in range(layers))
        self.widths = [message.parts * channels for message in self.messages]
        self.filters = nn.Linear(n_basis + 1, sum(self.widths), bias=False)
        self.apply(glorot)

    def forward(self, species: Tensor, graph: PairGraph) -> tuple[Tensor, Tensor]:
        """Species [N] → (scalars [N, channels], vectors [N, 3, channels])."""
        filters = self.filters(self._basis(graph.distances)).split(self.widths, dim=1)
        directions = torch.stack([graph.directions, -graph.directions])[..., None]
        # Atoms of one species are equal before the first message: its network sees each species once.
        phi = self.messages[0].context(self.embedding.weight).index_select(0, species)
        s, v = self.messages[0](phi, None, filters[0], directions, graph)
        s, v = self.updates[0](self.embedding(species) + s, v)
        for message, update, w in zip(self.messages[1:], self.updates[1:], filters[1:], strict=True):
            ds, dv = message(message.context(s), v, w, directions, graph)
            s, v = update(s + ds, v + dv)
        return s, v

    def _basis(self, r: Tensor) -> Tensor:
        """Distances [P] → [P, n_basis + 1]: the basis, and 1 for the filters' bias, times the cutoff."""
        envelope = cosine_cutoff(r, self.cutoff)[:, None]
        if self.gaussians is None:
            functions = torch.sin(self.frequencies * r[:, None]) * (envelope / r[:, None])
        else:
            functions = self.gaussians(r) * envelope
        return torch.cat([functions, envelope], dim=1)


class Message(nn.Module):
    """What atoms hear of their neighbours, equations 7 and 8: φ(s_j) times filters of the distance.

    Args:
        channels: features per atom.
        parts: 3 (change of the scalars, weight of the direction, weight of the vectors of the neighbour) or 2
            (without the last).
    """

    def __init__(self, channels: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.context = nn.Sequential(
            nn.Linear(channels, channels), nn.SiLU(), nn.Linear(channels, parts * channels)
        )

    def forward(
        self, phi: Tensor, v: Tensor | None, filters: Tensor, directions: Tensor, graph: PairGraph
    ) -> tuple[Tensor, Tensor]:
        """Sums over the neighbours of each atom.

        Args:
            phi: [N, parts · channels], `context` of the scalars.
            v: [N, 3, channels], vectors; None when there are 2 parts.
            filters: [P, parts · channels].
            directions: [2, P, 3, 1], from the atom that receives to the one that sends.
            graph: the pairs.

        Returns:
            Δs [N, channels] and Δv [N, 3, channels].
        """
        weights = (graph.senders(phi) * filters).unflatten(-1, (self.parts, 1, -1)).unbind(2)
        dv = weights[1] * directions
        if v is not None:
            dv = torch.addcmul(dv, weights[2], graph.senders(v))
        # index_add is several times slower where the source is not contiguous.
        return graph.sum(weights[0].squeeze(2).contiguous()), graph.sum(dv)


class Update(nn.Module):
    """s and v after equations 9 and 10: each atom's features among themselves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Linear(channels, 2 * channels, bias=False)
        self.context = nn.Sequential(
            nn.Linear(2 * channels, channels), nn.SiLU(), nn.Linear(channels, 3 * channels)
        )

    def forward(self, s: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Scalars [N, channels], vectors [N, 3, channels] → the same."""
        mixed_v, mixed_u = self.mix(v).unflatten(-1, (2, -1)).unbind(2)
        norms = ((mixed_v * mixed_v).sum(1) + EPSILON).sqrt()
        a_ss, a_vv, a_sv = self.context(torch.cat([s, norms], dim=1)).unflatten(-1, (3, -1)).unbind(1)
        ds = torch.addcmul(a_ss, a_sv, (mixed_u * mixed_v).sum(1))
        return s + ds, torch.addcmul(v, a_vv[:, None], mixed_u)
