"""Angles, torsions and bases of triplets of atoms, and sums over them in all prefixes of molecules."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from tutti.nn.graph import MIN_DISTANCE
from tutti.nn.prefixes import PrefixGraph
from tutti.nn.spherical import harmonics
from tutti.nn.spherical_bessel import SphericalBesselBasis

_BLOCK = 1 << 11
"""Paths whose factors a CPU makes together: three such blocks of 64 channels stay in a core's cache."""


def triplet_angles(graph: PrefixGraph) -> tuple[Tensor, Tensor]:
    """(angle at j between i and k in [0, π], torsion in (0, 2π]), [D] each, of triplets k → j → i.

    The torsion is that of k about the axis from j to i, counted from r; what is in line with it has any.
    """
    k, j, i, r = graph.positions[graph.corners].unbind(1)
    axis, away = i - j, k - j
    p, q = torch.linalg.cross(axis, away), torch.linalg.cross(axis, r - j)
    angle = torch.atan2(torch.linalg.vector_norm(p, dim=-1), (axis * away).sum(-1))
    length = torch.linalg.vector_norm(axis, dim=-1).clamp_min(MIN_DISTANCE)
    side = (torch.linalg.cross(p, q) * axis).sum(-1) / length
    torsion = torch.atan2(side, (p * q).sum(-1))
    return angle, torch.where(torsion > 0.0, torsion, torsion + 2.0 * math.pi)


class TripletBasis(nn.Module):
    """Spherical Bessel functions of the distance of k → j times harmonics of angle and torsion.

    The angle's harmonics Y_l0 have the radial functions of degree l. Those of angle and torsion, counted
    q = 0, 1, ... by degree l and in it by order 0, 1, ... l, −l, ... −1, have those of degree q mod
    `degrees`, as in the authors' code, and carry the sign (−1)^m of Condon and Shortley. There is no
    envelope.

    Args:
        degrees: number of degrees.
        n: radial functions of each.
        cutoff: Å.
    """

    def __init__(self, degrees: int, n: int, cutoff: float) -> None:
        super().__init__()
        self.degrees = degrees
        self.bessel = SphericalBesselBasis(degrees, n, cutoff)
        orders = [(l, m) for l in range(degrees) for m in [*range(l + 1), *range(-l, 0)]]
        self.register_buffer("rows", torch.tensor([l * l + l + m for l, m in orders]), persistent=False)
        signs = torch.tensor([-1.0 if m % 2 else 1.0 for _, m in orders])
        self.register_buffer("signs", signs, persistent=False)
        self.register_buffer("zonal", torch.arange(degrees) ** 2, persistent=False)

    @torch.no_grad()
    def forward(self, graph: PrefixGraph, distances: Tensor) -> tuple[Tensor, Tensor]:
        """(angle's [D, degrees · n], angle's and torsion's [D, degrees² · n]) of a graph.

        Args:
            graph: D triplets.
            distances: [E], Å, of its pairs.
        """
        angle, torsion = triplet_angles(graph)
        across = torch.sin(angle)
        # The harmonics' polar axis is y, and azimuths go from z to x.
        directions = [across * torch.sin(torsion), torch.cos(angle), across * torch.cos(torsion)]
        angular = harmonics(self.degrees - 1, torch.stack(directions, dim=-1))[:, self.rows] * self.signs
        radial = self.bessel(distances)[graph.sent]
        both = angular.unflatten(1, (self.degrees, self.degrees, 1)) * radial[:, None]
        return (angular[:, self.zonal, None] * radial).flatten(1), both.flatten(1)


class _SumPaths(torch.autograd.Function):
    """See `sum_paths`; factors of single paths are made block by block, and not kept for the gradient."""

    @staticmethod
    def forward(ctx, sent: Tensor, geometry: Tensor, graph: PrefixGraph) -> Tensor:  # noqa: ANN001
        ctx.save_for_backward(sent, geometry)
        ctx.graph = graph
        result = torch.zeros_like(sent)
        for triplet, incoming, outgoing in _blocks(graph):
            factors = sent.index_select(0, incoming).mul_(geometry.index_select(0, triplet))
            result.index_add_(0, outgoing, factors)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None]:  # noqa: ANN001
        (sent, geometry), graph = ctx.saved_tensors, ctx.graph
        grad = grad.contiguous()
        of_sent, of_geometry = torch.zeros_like(sent), torch.zeros_like(geometry)
        for triplet, incoming, outgoing in _blocks(graph):
            own = grad.index_select(0, outgoing)
            of_geometry.index_add_(0, triplet, sent.index_select(0, incoming).mul_(own))
            of_sent.index_add_(0, incoming, own.mul_(geometry.index_select(0, triplet)))
        return of_sent, of_geometry, None


def _blocks(graph: PrefixGraph) -> Iterator[tuple[Tensor, ...]]:
    """Triplets, incoming and outgoing edges of the paths; on a CPU of as many as its cache holds."""
    paths = graph.triplet, graph.incoming, graph.outgoing
    if graph.triplet.device.type != "cpu":
        return iter([paths])
    return zip(*(rows.split(_BLOCK) for rows in paths), strict=True)


def sum_paths(sent: Tensor, geometry: Tensor, graph: PrefixGraph) -> Tensor:
    """Σ_k sent(k → j) · geometry(k, j, i) over the k ≠ i of each edge j → i: [L, C].

    Args:
        sent: [L, C], what the edges send on.
        geometry: [D, C], factors of the triplets.
        graph: the edges and paths.
    """
    return _SumPaths.apply(sent, geometry, graph)
