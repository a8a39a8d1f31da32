"""Geometry of triplets of atoms, and sums over them in all prefixes of molecules.

The torsion of a triplet k → j → i is that of k about the axis from j to i, counted from a reference of the
pair (j, i): the first neighbour of j, in the order of the rows, that is not in line with both. It is signed,
so that mirror images differ in its sine, and it is 0 for k up to the reference. So a triplet's geometry never
depends on atoms that come after it, and is the same in all prefixes of a molecule.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import normalize

from tutti.nn.graph import MIN_DISTANCE
from tutti.nn.prefixes import PrefixGraph
from tutti.nn.radial import polynomial_envelope
from tutti.nn.spherical import harmonics
from tutti.nn.spherical_bessel import SphericalBesselBasis

IN_LINE = 0.1
"""Sine of the angle at j up to which an atom is no reference."""


def triplet_directions(graph: PrefixGraph) -> Tensor:
    """Unit vectors [N, M, M, 3] from atoms j to their neighbours k in the frame of their neighbours i.

    The axis y is the direction from j to i, the torsion goes from z to x: angle and torsion are the spherical
    coordinates that `harmonics` takes. Those of atoms that are not linked are finite and mean nothing.
    """
    vectors = graph.positions[graph.neighbours] - graph.positions[:, None]
    unit = normalize(vectors * graph.linked[..., None], dim=-1, eps=MIN_DISTANCE)
    cosine = (unit @ unit.mT).clamp(-1.0, 1.0)
    sine = torch.sqrt(1.0 - cosine.square())
    ranks = torch.arange(unit.shape[1], device=unit.device)
    usable = graph.linked[:, :, None] & (sine > IN_LINE) & (ranks[:, None] != ranks)
    reference = torch.where(usable, ranks[:, None], len(ranks)).amin(1)
    towards = unit.gather(1, reference.clamp(max=len(ranks) - 1)[..., None].expand(-1, -1, 3))
    along = (towards * unit).sum(-1, keepdim=True)
    z = normalize(towards - along * unit, dim=-1)
    x = torch.linalg.cross(unit, z)
    turned = ranks[:, None] > reference[:, None]
    return torch.stack(
        [torch.where(turned, unit @ x.mT, 0.0), cosine, torch.where(turned, unit @ z.mT, sine)], dim=-1
    )


@dataclass(frozen=True)
class Triplets:
    """Bases of the triplets k → j → i, the same in all layers and prefixes.

    Attributes:
        bessel: [N·M, degrees, n], radial functions at the distances (j, k), 0 where they are not linked.
        harmonics: [N·M, degrees², M] of the directions (j, k; i), 0 for k = i.
    """

    bessel: Tensor
    harmonics: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, graph: PrefixGraph, basis: SphericalBesselBasis) -> Self:
        """The bases of a graph."""
        n, width = graph.linked.shape
        vectors = graph.positions[graph.neighbours] - graph.positions[:, None]
        distances = torch.linalg.vector_norm(vectors, dim=-1)
        envelope = polynomial_envelope(distances, basis.cutoff) * graph.linked
        values = basis(distances.flatten()) * envelope.flatten()[:, None, None]
        others = 1.0 - torch.eye(width, device=values.device, dtype=values.dtype)
        angular = harmonics(basis.shape[0] - 1, triplet_directions(graph)) * others[..., None]
        return cls(values, angular.mT.reshape(n * width, -1, width))

    def project(self, weight: Tensor, rows: Tensor, degrees: Tensor) -> Tensor:
        """Σ weight[b, r, n] · radial[degrees[r], n] · harmonics[rows[r]] → [b, N·M, M].

        Args:
            weight: [b, R, n].
            rows: [R], which harmonics.
            degrees: [R], their degrees.
        """
        radial = torch.einsum("prn,brn->pbr", self.bessel[:, degrees], weight)
        return torch.bmm(radial, self.harmonics[:, rows]).movedim(1, 0)


class _Rearrange(torch.autograd.Function):
    """Columns of [C, A] at `index` [K], and 0 for index A; `inverse` [A] leads back, with K for none."""

    @staticmethod
    def forward(ctx, x: Tensor, index: Tensor, inverse: Tensor) -> Tensor:  # noqa: ANN001
        ctx.save_for_backward(inverse)
        return torch.cat([x, x.new_zeros(len(x), 1)], dim=1).index_select(1, index)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN001
        (inverse,) = ctx.saved_tensors
        return torch.cat([grad, grad.new_zeros(len(grad), 1)], dim=1).index_select(1, inverse), None, None


def sum_triplets(sent: Tensor, geometry: Tensor, graph: PrefixGraph) -> Tensor:
    """Σ_k sent(k → j) · geometry(k, j, i) over the k ≠ i of each edge j → i: [C, L].

    Args:
        sent: [C, L], what the edges send on.
        geometry: [C, N·M, M], factors of the triplets by (j, k) and i; 0 for k = i.
        graph: the edges.
    """
    channels, n_atoms, width = len(sent), *graph.linked.shape
    incoming = _Rearrange.apply(sent, graph.at_receiver, graph.to_receiver)
    incoming = incoming.view(channels * n_atoms, -1, width)
    sums = torch.bmm(incoming, geometry.reshape(channels * n_atoms, width, width))
    return _Rearrange.apply(sums.view(channels, -1), graph.to_sender, graph.at_sender)
