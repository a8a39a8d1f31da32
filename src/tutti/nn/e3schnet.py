"""E3SchNet: SchNet's continuous-filter convolution on features of higher degree (Daigavane et al. 2024)."""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn

from tutti.nn.equivariant import EquivariantLinear, degrees, of_degree
from tutti.nn.graph import EdgeGraph
from tutti.nn.radial import cosine_cutoff, shifted_softplus
from tutti.nn.so3 import wigner_3j
from tutti.nn.tensor_product import component_harmonics
from tutti.nn.unit_variance import normalised


class SpacedGaussians(nn.Module):
    """exp(−((r − μ_k) / s)²) / 1.12 with μ_k = k s, k = 1 ... n, s = cutoff / (n + 1): [P] → [P, n].

    e3nn's `soft_one_hot_linspace` with the basis "gaussian", which leaves out both ends.
    """

    def __init__(self, n: int, cutoff: float) -> None:
        super().__init__()
        self.n, self.spacing = n, cutoff / (n + 1)

    def forward(self, r: Tensor) -> Tensor:
        """Values at distances `r` [P] in Å."""
        places = torch.arange(1, self.n + 1, device=r.device)
        return torch.exp(-((r[:, None] / self.spacing - places) ** 2)) / 1.12


def n_filters(lmax_in: int, lmax: int) -> int:
    """Filters per channel in the published code: one for every (l1, l2, l3) that the triangle rule allows.

    Those into degrees above `lmax` or of unnatural parity have no effect on the result.
    """
    return sum(2 * min(l1, l2) + 1 for l1 in range(lmax_in + 1) for l2 in range(lmax + 1))


def paths_into(l3: int, lmax_in: int, lmax: int) -> list[tuple[int, int]]:
    """(l1, l2) of the paths of natural parity into the degree `l3`."""
    return [(l1, l2) for l1 in range(lmax_in + 1) for l2 in range(abs(l1 - l3), min(l1 + l3, lmax) + 1, 2)]


@lru_cache(maxsize=64)
def _couplings(
    lmax_in: int, lmax: int, lmax_out: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Coefficients [(lmax + 1)², rows, (lmax_in + 1)²], and the path of each row [rows].

    Rows are the components of all degrees, for each of them all paths. Normalisation `component` of e3nn.
    """
    rows, paths, first = [], [], 0
    for l3 in range(lmax_out + 1):
        into = paths_into(l3, lmax_in, lmax)
        block = torch.zeros((lmax + 1) ** 2, 2 * l3 + 1, len(into), (lmax_in + 1) ** 2, dtype=torch.float64)
        for k, (l1, l2) in enumerate(into):
            symbols = wigner_3j(l1, l2, l3).permute(1, 2, 0)
            block[of_degree(l2), :, k, of_degree(l1)] = math.sqrt(2 * l3 + 1) * symbols
        rows.append(block.flatten(1, 2))
        paths += list(range(first, first + len(into))) * (2 * l3 + 1)
        first += len(into)
    with torch.inference_mode(False):
        return torch.cat(rows, dim=1).to(device, dtype), torch.tensor(paths, device=device)


class E3SchNetInteraction(nn.Module):
    """h_i += Linear( ssp( Linear( Σ_j W(r_ij) ∘ (Linear(h_j) ⊗ Y(r̂_ij)) ) ) ), channel by channel.

    Every path of the tensor product has its own filter, W = cutoff · dense(ssp(dense(Gaussians))), and the
    paths are mixed afterwards. The shifted softplus acts on scalars alone (there normalised, see
    `unit_variance`), on higher degrees nothing does.

    Args:
        lmax_in: highest degree of h.
        lmax: highest degree of the harmonics and of the features for which there are weights.
        lmax_out: highest degree that is computed.
        channels: of h.
        filters: channels of the convolution.
        n_gaussians: radial basis functions.
    """

    def __init__(
        self, lmax_in: int, lmax: int, lmax_out: int, channels: int, filters: int, n_gaussians: int
    ) -> None:
        super().__init__()
        self.degrees = lmax_in, lmax, lmax_out
        self.n_paths = [len(paths_into(l3, lmax_in, lmax)) for l3 in range(lmax + 1)]
        self.before = EquivariantLinear(lmax_in, channels, filters)
        self.hidden = Dense(n_gaussians, filters)
        self.filter = Dense(filters, n_filters(lmax_in, lmax) * filters)
        self.between = nn.Parameter(torch.randn(sum(self.n_paths) * filters, channels))
        self.after = EquivariantLinear(lmax, channels, channels)
        self.activation = normalised(shifted_softplus)
        signs = 1 - 2 * (degrees(lmax) % 2)
        self.register_buffer("signs", signs.to(torch.get_default_dtype()), persistent=False)

    def forward(
        self, h: Tensor, graph: EdgeGraph, gaussians: Tensor, envelope: Tensor, harmonics: Tensor
    ) -> Tensor:
        """One interaction.

        Args:
            h: [N, (lmax_in + 1)², channels].
            graph: of P pairs, both edges of each.
            gaussians, envelope: [P, n_gaussians], [P].
            harmonics: [P, (lmax + 1)²] of the graph's directions.

        Returns:
            [N, (lmax_out + 1)², channels].
        """
        summed = self._convolve(self.before(h), graph, gaussians, envelope, harmonics)
        mixed, row, start = [], 0, 0
        for l3, n in enumerate(self.n_paths[: self.degrees[2] + 1]):
            size, width = 2 * l3 + 1, n * summed.shape[2]
            x = summed[:, row : row + size * n].reshape(len(h), size, width)
            mixed.append(x @ (self.between[start : start + width] / math.sqrt(width)))
            row, start = row + size * n, start + width
        mixed[0] = self.activation(mixed[0])
        update = self.after(torch.cat(mixed, dim=1))
        return update + nn.functional.pad(h, (0, 0, 0, update.shape[1] - h.shape[1]))

    def _convolve(
        self, sent: Tensor, graph: EdgeGraph, gaussians: Tensor, envelope: Tensor, harmonics: Tensor
    ) -> Tensor:
        """[N, rows, filters] of `_couplings`: the messages, summed at their receivers."""
        couplings, path = _couplings(*self.degrees, sent.dtype, sent.device)
        channels, n_paths = sent.shape[2], sum(self.n_paths[: self.degrees[2] + 1])
        filters = self.filter(shifted_softplus(self.hidden(gaussians)), n_paths * channels)
        filters = (filters * envelope[:, None]).unflatten(1, (n_paths, channels)).index_select(1, path)
        # The second edge of a pair has the opposite direction.
        opposite = harmonics * self.signs
        both = torch.stack([harmonics, opposite], dim=1).flatten(0, 1)
        matrices = (both @ couplings.flatten(1)).unflatten(1, couplings.shape[1:])
        products = torch.bmm(matrices, sent.index_select(0, graph.senders))
        messages = products.unflatten(0, (-1, 2)) * filters[:, None]
        summed = sent.new_zeros(len(sent), *messages.shape[2:])
        return summed.index_add(0, graph.receivers, messages.flatten(0, 1))


class Dense(nn.Module):
    """Linear layer with a bias, initialised as Haiku's: truncated normal of width 1/√n_in, zero biases."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        scale = 1.0 / math.sqrt(n_in)
        weight = torch.empty(n_in, n_out)
        self.weight = nn.Parameter(nn.init.trunc_normal_(weight, std=scale, a=-2 * scale, b=2 * scale))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x: Tensor, n_out: int | None = None) -> Tensor:
        """[P, n_in] → [P, n_out], or the first `n_out` results alone."""
        return torch.addmm(self.bias[:n_out], x, self.weight[:, :n_out])


class E3SchNet(nn.Module):
    """Embedding of the species and `layers` E3SchNet interactions; the last returns degrees up to `lmax_out`.

    All weights of the published code are there, so that sets of weights can be exchanged; those that cannot
    reach the result (of filters, see `n_filters`, and of degrees above `lmax_out` in the last interaction)
    are not used.

    Args:
        n_species: size of the embedding.
        lmax: highest degree of features and harmonics between the layers.
        lmax_out: highest degree of the result.
        channels: per degree.
        filters: channels of the convolutions.
        layers: number of interactions.
        n_gaussians: radial basis functions between 0 and the cutoff.
        cutoff: Å.
    """

    def __init__(
        self,
        n_species: int,
        *,
        lmax: int,
        lmax_out: int,
        channels: int,
        filters: int,
        layers: int,
        n_gaussians: int,
        cutoff: float,
    ) -> None:
        super().__init__()
        self.lmax, self.cutoff = lmax, cutoff
        self.embedding = nn.Parameter(nn.init.trunc_normal_(torch.empty(n_species, channels)))
        self.first = EquivariantLinear(0, channels, channels)
        self.basis = SpacedGaussians(n_gaussians, cutoff)
        self.interactions = nn.ModuleList(
            E3SchNetInteraction(
                0 if layer == 0 else lmax,
                lmax,
                lmax if layer < layers - 1 else lmax_out,
                channels,
                filters,
                n_gaussians,
            )
            for layer in range(layers)
        )

    def forward(self, species: Tensor, graph: EdgeGraph) -> Tensor:
        """Species [N] → features [N, (lmax_out + 1)², channels]."""
        h = self.first(self.embedding[species][:, None])
        edges = (
            self.basis(graph.distances),
            cosine_cutoff(graph.distances, self.cutoff),
            component_harmonics(self.lmax, graph.directions),
        )
        for interaction in self.interactions:
            h = interaction(h, graph, *edges)
        return h
