"""NequIP for force fields (Batzner et al. 2022), with features of both parities.

On the same weights energies and forces are those of the package `nequip` 0.19 (`NequIPGNNModel`).
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, silu

from tutti.nn.pairs import PairGraph
from tutti.nn.radial import BesselBasis, polynomial_envelope
from tutti.nn.tensor_convolution import Edges, convolve
from tutti.nn.tensor_product import Coupling, Irrep, Product, component_harmonics, couple

# 1/√⟨f(z)²⟩ for normal z, as e3nn's `normalize2mom` estimates it from 10⁶ fixed random numbers: with the
# exact values the energies would differ from the reference in the fourth digit.
SILU_SCALE, TANH_SCALE = 1.6791767923989418, 1.5937334472592695


def irreps_of_layers(lmax: int, parity: bool, layers: int) -> list[tuple[Irrep, ...]]:
    """Irreps before, between and after the interactions: those that can be reached and can have an effect.

    The species give even scalars, and the energy is one. Reference: `nequip` makes all that can be reached.
    """
    hidden = [
        Irrep(l, natural) for l in range(lmax + 1) for natural in ((True, False) if parity else (True,))
    ]
    scalar = (Irrep(0, True),)
    irreps = [scalar]
    for layer in range(layers):
        wanted = tuple(hidden) if layer < layers - 1 else scalar
        product = Product(irreps[-1], wanted, lmax)
        irreps.append(tuple(irrep for irrep in wanted if product.paths(irrep)))
    for layer in range(layers - 1, 0, -1):
        product = Product(irreps[layer], irreps[layer + 1], lmax)
        useful = {source for source, _, _ in product.links} | set(irreps[layer + 1])
        irreps[layer] = tuple(irrep for irrep in irreps[layer] if irrep in useful)
    return irreps


class RadialWeights(nn.Module):
    """Weights of all paths of all layers: an MLP without bias per layer, on Bessel functions times envelope.

    The layers' hidden features stand side by side, so that they are evaluated together.

    Args:
        n_paths: paths · channels of each layer.
        n_basis: Bessel functions.
        hidden, depth: width and number of hidden layers.
        cutoff: Å.
    """

    def __init__(self, n_paths: list[int], n_basis: int, hidden: int, depth: int, cutoff: float) -> None:
        super().__init__()
        layers = len(n_paths)
        self.cutoff, self.hidden = cutoff, hidden
        self.basis = BesselBasis(n_basis, cutoff)
        self.first = nn.Parameter(_uniform(n_basis, layers * hidden))
        self.middle = nn.ParameterList(_uniform(layers, hidden, hidden) for _ in range(depth - 1))
        self.last = nn.ParameterList(_uniform(hidden, n) for n in n_paths)
        # Gasteiger's basis carries √(2/c); the reference 2/c. The weights are of variance 1.
        self.scale = math.sqrt(2.0 / cutoff) / math.sqrt(n_basis)

    @property
    def last_scale(self) -> float:
        """Factor that the weights still lack: the caller multiplies it to what it multiplies them with."""
        return math.sqrt(2.0 / self.hidden)

    def forward(self, distances: Tensor) -> list[Tensor]:
        """Distances [P] in Å → for each layer [P, paths · channels], to be multiplied by `last_scale`."""
        envelope = polynomial_envelope(distances, self.cutoff) * self.scale
        h = silu((self.basis(distances) * envelope[:, None]) @ self.first)
        h = h.unflatten(1, (-1, self.hidden))
        for weight in self.middle:
            h = silu(torch.einsum("plh,lhk->plk", h, weight * self.last_scale))
        return [hidden @ weight for hidden, weight in zip(h.unbind(1), self.last, strict=True)]


def _uniform(*shape: int) -> Tensor:
    """Uniform numbers of mean 0 and variance 1."""
    return math.sqrt(3.0) * (2.0 * torch.rand(*shape) - 1.0)


class Interaction(nn.Module):
    """x_i ← gate( Linear( Σ_j R(r_ij) Y(r̂_ij) ⊗ Linear(x_j) ) + self-connection(x_i, species_i) ).

    Every linear map has weights of variance 1 and is divided by the root of the number of its inputs. Even
    scalars pass a SiLU, odd ones a tanh, all else is multiplied by SiLUs of even scalars made for it.

    Args:
        product: irreps of input and output, and the paths between them.
        channels: of each irrep, and of the species' embedding.
        self_connection: whether there is one.
    """

    def __init__(self, product: Product, channels: int, self_connection: bool) -> None:
        super().__init__()
        self.product, self.channels = product, channels
        gated = [irrep for irrep in product.results if irrep.l > 0]
        self.widths = {irrep: channels for irrep in product.results}
        self.widths[Irrep(0, True)] = channels * (1 + len(gated))
        self.before = nn.Parameter(torch.randn(len(product.sources), channels, channels))
        sizes = torch.tensor([irrep.size for irrep in product.sources])
        rows = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
        self.register_buffer("source_of_row", rows, persistent=False)
        self.after = nn.ParameterList(
            torch.randn(len(product.paths(irrep)) * channels, width) for irrep, width in self.widths.items()
        )
        self.kept = [r for r in product.results if r in product.sources] if self_connection else []
        width = sum(self.widths[irrep] for irrep in self.kept)
        self.own = nn.Parameter(torch.randn(channels, channels, width)) if self.kept else None

    def forward(
        self,
        x: Tensor,
        embeddings: Tensor,
        of_species: Tensor,
        edges: Edges,
        weights: Tensor,
        couplings: dict[Coupling, Tensor],
    ) -> Tensor:
        """One interaction.

        Args:
            x: [N, components of the product's sources, C].
            embeddings: [species, C], of the species.
            of_species: [N, species], 1 for the species of each atom.
            edges: of P pairs.
            weights: [P, paths · C].
            couplings: of the product's couplings.

        Returns:
            [N, components of the product's results, C].
        """
        before = self.before.index_select(0, self.source_of_row)
        sent = torch.bmm(x.transpose(0, 1), before).transpose(0, 1)
        matrices = [couplings[coupling] for coupling in self.product.couplings]
        summed = convolve(self.product, edges, sent.contiguous(), weights, matrices)
        own = self._connect(x, embeddings, of_species)
        mixed = {}
        for (irrep, width), weight in zip(self.widths.items(), self.after, strict=True):
            paths = summed[:, self.product.rows[irrep]].reshape(-1, len(weight))
            base = own[irrep] if irrep in own else paths.new_zeros(1)
            total = torch.addmm(base, paths, weight, beta=float(irrep in own), alpha=len(weight) ** -0.5)
            mixed[irrep] = total.view(len(x), irrep.size, width)
        return self._gate(mixed)

    def _connect(self, x: Tensor, embeddings: Tensor, of_species: Tensor) -> dict[Irrep, Tensor]:
        """Irrep → [N · components, width]: bilinear in the features and the embedding of the own species."""
        if self.own is None:
            return {}
        scaled = embeddings / self.channels
        widths = [self.widths[irrep] for irrep in self.kept]
        # A matrix per species, and each atom's features in the rows of its own.
        by_species = (scaled @ self.own.flatten(1)).view(-1, sum(widths)).split(widths, dim=1)
        placed = (x[:, :, None] * of_species[:, None, :, None]).flatten(2)
        placed = dict(
            zip(self.product.sources, placed.split([s.size for s in self.product.sources], 1), strict=True)
        )
        return {
            irrep: placed[irrep].flatten(0, 1) @ matrix
            for irrep, matrix in zip(self.kept, by_species, strict=True)
        }

    def _gate(self, mixed: dict[Irrep, Tensor]) -> Tensor:
        """Activate [N, components, width] of each irrep and stack them, [N, components, C]."""
        even = SILU_SCALE * silu(mixed.pop(Irrep(0, True)))
        scalars, *gates = even.split(self.channels, dim=2)
        results = [scalars]
        if Irrep(0, False) in mixed:
            results.append(TANH_SCALE * torch.tanh(mixed.pop(Irrep(0, False))))
        results += [x * gate for x, gate in zip(mixed.values(), gates, strict=True)]
        return torch.cat(results, dim=1)


class NequIPPotential(nn.Module):
    """NequIP with its readout: an energy per atom, in units of the training set's, before scale and shift.

    Args:
        n_species: number of species.
        lmax: highest degree of features and harmonics.
        parity: whether features of unnatural parity are made too.
        channels: per irrep.
        layers: number of interactions, at least 1.
        n_basis: Bessel functions.
        radial_hidden: width of the radial MLPs.
        radial_layers: their hidden layers.
        cutoff: Å.
        neighbour_norm: divisor of the sum over neighbours, the root of their mean number in the reference.
    """

    def __init__(
        self,
        n_species: int,
        *,
        lmax: int,
        parity: bool,
        channels: int,
        layers: int,
        n_basis: int,
        radial_hidden: int,
        radial_layers: int,
        cutoff: float,
        neighbour_norm: float,
    ) -> None:
        super().__init__()
        self.lmax = lmax
        irreps = irreps_of_layers(lmax, parity, layers)
        products = [Product(*ends, lmax) for ends in pairwise(irreps)]
        self.couplings = tuple(dict.fromkeys(c for product in products for c in product.couplings))
        self.embedding = nn.Embedding(n_species, channels)
        self.radial = RadialWeights(
            [product.n_paths * channels for product in products],
            n_basis,
            radial_hidden,
            radial_layers,
            cutoff,
        )
        self.interactions = nn.ModuleList(
            Interaction(product, channels, self_connection=layer > 0)
            for layer, product in enumerate(products)
        )
        self.readout = nn.Parameter(_uniform(channels, 1))
        # The constant factors of all that a message is a product of.
        self.scale = self.radial.last_scale / (math.sqrt(channels) * neighbour_norm)

    def forward(self, species: Tensor, graph: PairGraph) -> Tensor:
        """Species [N] (rows of the embedding) → energies of the atoms [N]."""
        embeddings = self.embedding.weight
        of_species = one_hot(species, len(embeddings)).to(embeddings.dtype)
        couplings = couple(self.couplings, component_harmonics(self.lmax, graph.directions), self.scale)
        edges, radial = Edges(graph), self.radial(graph.distances)
        x = self.embedding(species)[:, None]
        for interaction, weights in zip(self.interactions, radial, strict=True):
            x = interaction(x, embeddings, of_species, edges, weights, couplings)
        return (x[:, 0] @ self.readout)[:, 0] / math.sqrt(len(self.readout))
