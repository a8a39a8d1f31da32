"""NequIP's interaction block (Batzner et al. 2022) on features of natural parity."""

import torch
from torch import Tensor, nn

from tutti.nn.convolution import EdgeConvolution
from tutti.nn.equivariant import EquivariantLinear, Gate, pad_degrees
from tutti.nn.graph import EdgeGraph
from tutti.nn.radial import BesselBasis, polynomial_envelope


class NequIPInteraction(nn.Module):
    """h_i += gate( Linear( (1/C) Σ_j R(r_ij) Y(r̂_ij) ⊗ Linear(h_j) ) + self-interaction(h_i, species_i) ).

    R is an MLP on Bessel functions times a polynomial envelope; the self-interaction has one matrix per
    species and degree.
    """

    def __init__(
        self,
        n_species: int,
        lmax_in: int,
        lmax_edge: int,
        lmax_out: int,
        channels: int,
        *,
        n_basis: int,
        radial_hidden: int,
        cutoff: float,
        neighbour_norm: float,
    ) -> None:
        super().__init__()
        self.lmax_in, self.lmax_out = lmax_in, lmax_out
        self.cutoff, self.neighbour_norm = cutoff, neighbour_norm
        self.basis = BesselBasis(n_basis, cutoff)
        self.radial = nn.Sequential(
            nn.Linear(n_basis, radial_hidden),
            nn.SiLU(),
            nn.Linear(radial_hidden, radial_hidden),
            nn.SiLU(),
        )
        self.before = EquivariantLinear(lmax_in, channels, channels, bias=False)
        self.convolution = EdgeConvolution(lmax_in, lmax_edge, lmax_out, channels, radial_hidden, bias=False)
        self.after = EquivariantLinear(lmax_out, channels, channels)
        self.self_interaction = EquivariantLinear(
            min(lmax_in, lmax_out), channels, n_species * channels, bias=False
        )
        self.gates = nn.Linear(channels, lmax_out * channels) if lmax_out else None
        self.gate = Gate(lmax_out, nn.SiLU())

    def forward(self, h: Tensor, species: Tensor, graph: EdgeGraph, nodes: Tensor | None = None) -> Tensor:
        """Features [N, (lmax_in + 1)², channels] → [n, (lmax_out + 1)², channels].

        With `nodes` [n] only those atoms are updated and returned; `graph.receivers` then counts in `nodes`.
        """
        envelope = polynomial_envelope(graph.distances, self.cutoff)
        radial = self.radial(self.basis(graph.distances)) * envelope[:, None]
        own, kind = (h, species) if nodes is None else (h.index_select(0, nodes), species[nodes])
        summed = self.convolution(self.before(h), radial, envelope, graph, len(own)) / self.neighbour_norm
        own = pad_degrees(own, min(self.lmax_in, self.lmax_out))
        x = self.after(summed) + pad_degrees(self._interact_with_self(own, kind), self.lmax_out)
        gates = x[:, 0] if self.gates is None else self.gates(x[:, 0])
        return pad_degrees(own, self.lmax_out) + self.gate(x, gates)

    def _interact_with_self(self, own: Tensor, species: Tensor) -> Tensor:
        # The matrices of all species at once, then each atom's own: no loop and no wait for the device.
        mixed = self.self_interaction(own).unflatten(-1, (-1, own.shape[-1]))
        return mixed[torch.arange(len(own), device=own.device), :, species]


class NequIP(nn.Module):
    """Embedding of the species and `layers` NequIP interactions of degrees up to `lmax`.

    Args:
        n_species: size of the embedding.
        lmax: highest degree of features and harmonics.
        channels: per degree.
        layers: number of interactions.
        n_basis: Bessel functions.
        radial_hidden: width of the radial MLP.
        cutoff: Å.
        neighbour_norm: C, the divisor of the sum over neighbours.
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
        neighbour_norm: float,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_species, channels)
        self.interactions = nn.ModuleList(
            NequIPInteraction(
                n_species,
                0 if layer == 0 else lmax,
                lmax,
                lmax,
                channels,
                n_basis=n_basis,
                radial_hidden=radial_hidden,
                cutoff=cutoff,
                neighbour_norm=neighbour_norm,
            )
            for layer in range(layers)
        )

    def forward(self, species: Tensor, graph: EdgeGraph, nodes: Tensor) -> Tensor:
        """Species [N] → features of the atoms `nodes` [n] alone, [n, (lmax + 1)², channels].

        The last interaction is computed for those atoms only.
        """
        h = self.embedding(species)[:, None]
        for interaction in self.interactions[:-1]:
            h = interaction(h, species, graph)
        return self.interactions[-1](h, species, graph.onto(nodes, len(species)), nodes)
