"""NequIP's embedder as published for Symphony (nequip-jax, layer "escn"), on features of natural parity."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from tutti.nn.convolution import EdgeConvolution
from tutti.nn.equivariant import EquivariantLinear, SpeciesGroups, SpeciesLinear, degrees
from tutti.nn.graph import Arrivals, EdgeGraph
from tutti.nn.radial import BesselBasis, polynomial_envelope
from tutti.nn.tensors import Tensors
from tutti.nn.unit_variance import MLP, normalised


@dataclass(frozen=True)
class Chosen(Tensors):
    """The atoms that an embedding is wanted of: the edges that end there, and their species."""

    arrivals: Arrivals
    atoms: SpeciesGroups


class NequIPInteraction(nn.Module):
    """h_i ← Linear( gate( Linear( convolution of Linear(h) / √neighbours ) + Linear_species(h_i) ) ).

    The convolution keeps apart what comes from different degrees. The gate: silu of the scalars, and higher
    degrees times silu of scalars of their own. From degrees up to `lmax` (not from scalars alone), h_i is
    added. The radial network is an MLP without biases on Bessel functions times a polynomial envelope.
    """

    def __init__(
        self,
        n_species: int,
        lmax_in: int,
        lmax: int,
        channels: int,
        *,
        n_basis: int,
        radial_hidden: int,
        cutoff: float,
        neighbours: float,
    ) -> None:
        super().__init__()
        self.residual, self.channels = lmax_in == lmax, channels
        self.cutoff, self.neighbours = cutoff, neighbours
        # The gate scalars are made with the scalars.
        widths = [channels * (1 + lmax), *[channels] * lmax]
        self.basis = BesselBasis(n_basis, 1.0)
        self.radial = MLP([n_basis, radial_hidden, radial_hidden], silu, last=True)
        self.before = EquivariantLinear(lmax_in, channels, channels)
        self.convolution = EdgeConvolution(lmax_in, lmax, channels, radial_hidden)
        self.mix = nn.ParameterList(torch.randn((lmax_in + 1) * channels, width) for width in widths)
        self.own = SpeciesLinear(n_species, channels, widths[: min(lmax_in, lmax) + 1])
        self.activation = normalised(silu)
        self.after = EquivariantLinear(lmax, channels, channels)

    def forward(
        self, h: Tensor, atoms: SpeciesGroups, graph: EdgeGraph, nodes: Tensor | None = None
    ) -> Tensor:
        """Features [N, (lmax_in + 1)², channels] → [n, (lmax + 1)², channels] of `atoms`.

        With `nodes` [n] those are only these, and `graph.receivers` counts in them.
        """
        lengths = graph.distances / self.cutoff
        radial = self.radial(self.basis(lengths) * polynomial_envelope(lengths, 1.0)[:, None])
        own = h if nodes is None else h.index_select(0, nodes)
        summed = self.convolution(self.before(h), radial, graph, len(own))
        scale = 1.0 / math.sqrt(len(self.mix[0]) * self.neighbours)
        mixed = [x @ (scale * weight) for x, weight in zip(summed, self.mix, strict=True)]
        for l, x in enumerate(self.own(own, atoms)):
            mixed[l] = mixed[l] + x
        x = self.after(self._gate(mixed))
        return own + x if self.residual else x

    def _gate(self, mixed: list[Tensor]) -> Tensor:
        """For each degree [N, 2l + 1, channels], gate scalars after the scalars → [N, d, channels]."""
        scalars, *gates = self.activation(mixed[0]).split(self.channels, dim=2)
        return torch.cat([scalars, *(x * gate for x, gate in zip(mixed[1:], gates, strict=True))], dim=1)


class NequIP(nn.Module):
    """Embedding of the species and `layers` NequIP interactions of degrees up to `lmax`; the result × 0.5^l.

    Args:
        n_species: size of the embedding.
        lmax: highest degree of the features.
        channels: per degree.
        layers: number of interactions.
        n_basis: Bessel functions.
        radial_hidden: width of the radial MLP.
        cutoff: Å.
        neighbours: sums over neighbours are divided by its root.
    """

    def __init__(
        self,
        n_species: int,
        *,
        lmax: int,
        channels: int,
        layers: int,
        n_basis: int,
        radial_hidden: int,
        cutoff: float,
        neighbours: float,
    ) -> None:
        super().__init__()
        self.embedding = nn.Parameter(nn.init.trunc_normal_(torch.empty(n_species, channels)))
        self.interactions = nn.ModuleList(
            NequIPInteraction(
                n_species,
                0 if layer == 0 else lmax,
                lmax,
                channels,
                n_basis=n_basis,
                radial_hidden=radial_hidden,
                cutoff=cutoff,
                neighbours=neighbours,
            )
            for layer in range(layers)
        )
        self.register_buffer("scales", 0.5 ** degrees(lmax)[:, None], persistent=False)

    def forward(self, atoms: SpeciesGroups, graph: EdgeGraph, chosen: Chosen) -> Tensor:
        """N atoms and their graph → features of the n chosen ones alone, [n, (lmax + 1)², channels].

        The last interaction is computed for those atoms only.
        """
        h = self.embedding[atoms.species][:, None]
        for interaction in self.interactions[:-1]:
            h = interaction(h, atoms, graph)
        arrivals = chosen.arrivals
        h = self.interactions[-1](h, chosen.atoms, graph.onto(arrivals), arrivals.nodes)
        return h * self.scales
