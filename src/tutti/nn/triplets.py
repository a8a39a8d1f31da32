"""Angles, torsions and bases of triplets of atoms, and sums over them in all prefixes of molecules."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import sph_harm_y
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from tutti.nn.dense import dense
from tutti.nn.graph import MIN_DISTANCE
from tutti.nn.prefixes import PrefixGraph
from tutti.nn.spherical_bessel import SphericalBesselBasis

_BLOCK = 1 << 11
"""Paths whose factors a CPU makes together: three such blocks of 64 channels stay in a core's cache."""
_TRIPLETS = 1 << 9
"""Triplets whose bases a CPU makes together: of published size they stay in a core's cache, too."""


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


class TripletBases(NamedTuple):
    """Bases of D triplets as factors: multiplied out they are S² · n numbers a triplet.

    Attributes:
        zonal: [D, S], harmonics of the angle.
        angular: [D, S²], harmonics of angle and torsion.
        radial: [E, S · n], radial functions of the pairs.
        sent: [D], pair of each triplet.
    """

    zonal: Tensor
    angular: Tensor
    radial: Tensor
    sent: Tensor

    def reduced(self, of_angle: Tensor, of_both: Tensor) -> tuple[Tensor, Tensor]:
        """[D, O] each: the angle's basis times `of_angle` [O, S · n], both's times `of_both` [O, S² · n].

        Nothing but the weights has a gradient.
        """
        return _Reduce.apply(of_angle, of_both, self)

    def blocks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The angle's basis [d, S · n] and both's [d, S² · n] of all triplets, some after others.

        On a CPU as many at a time as its cache holds: reading them takes longer than multiplying them.
        """
        degrees = self.zonal.shape[1]
        size = _TRIPLETS if self.sent.device.type == "cpu" else max(1, len(self.sent))
        parts = (rows.split(size) for rows in (self.zonal, self.angular, self.sent))
        for zonal, angular, sent in zip(*parts, strict=True):
            radial = self.radial.index_select(0, sent).unflatten(1, (degrees, -1))
            both = angular.unflatten(1, (degrees, degrees, 1)) * radial[:, None]
            yield (zonal[..., None] * radial).flatten(1), both.flatten(1)


class _Reduce(torch.autograd.Function):
    """See `TripletBases.reduced`; the bases are made again for the gradient."""

    @staticmethod
    def forward(ctx, of_angle: Tensor, of_both: Tensor, bases: TripletBases) -> tuple[Tensor, Tensor]:  # noqa: ANN001
        ctx.bases = bases
        shape = len(bases.sent), len(of_angle)
        results = of_angle.new_empty(shape), of_both.new_empty(shape)
        start = 0
        for angle, both in bases.blocks():
            rows = slice(start, start := start + len(angle))
            results[0][rows], results[1][rows] = dense(angle, of_angle), dense(both, of_both)
        return results

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:  # noqa: ANN001
        totals, start = [0.0, 0.0], 0
        for bases in ctx.bases.blocks():
            rows = slice(start, start := start + len(bases[0]))
            for which, (grad, basis) in enumerate(zip(gradients, bases, strict=True)):
                totals[which] = totals[which] + dense(grad[rows].t(), basis.t())
        return *totals, None


class TripletBasis(nn.Module):
    """Spherical Bessel functions of the distance of k → j times harmonics of angle and torsion.

    The angle's harmonics Y_l0 have the radial functions of degree l. Those of angle and torsion, counted
    q = 0, 1, ... by degree l and in it by order 0, 1, ... l, −l, ... −1, have those of degree q mod
    `degrees`, as in the authors' code, and carry the sign (−1)^m of Condon and Shortley. There is no
    envelope.

    A harmonic is a sum of cosines (or, of odd orders, sines) of multiples of the angle, times the cosine or
    sine of a multiple of the torsion: one product of matrices makes all of them.

    Args:
        degrees: number of degrees.
        n: radial functions of each.
        cutoff: Å.
    """

    def __init__(self, degrees: int, n: int, cutoff: float) -> None:
        super().__init__()
        self.bessel = SphericalBesselBasis(degrees, n, cutoff)
        orders = [(l, m) for l in range(degrees) for m in [*range(l + 1), *range(-l, 0)]]
        # As many angles as there are waves: cos 0 ... cos (S − 1)θ and sin θ ... sin Sθ.
        angles = math.pi * (np.arange(degrees) + 0.5) / degrees
        values = {(l, m): sph_harm_y(l, m, angles, 0.0).real for l, m in orders if m >= 0}
        series = np.zeros((2, degrees, len(orders)))
        waves = np.arange(degrees)
        for column, (l, m) in enumerate(orders):
            kind = abs(m) % 2
            table = np.sin(np.outer(angles, waves + 1)) if kind else np.cos(np.outer(angles, waves))
            series[kind, :, column] = np.linalg.solve(table, values[l, abs(m)]) * (
                math.sqrt(2.0) if m else 1.0
            )
        # Stays float64, so that a model of float64 does not begin with rounded ones.
        self.register_buffer("series", torch.from_numpy(series).flatten(0, 1), persistent=False)
        waves = torch.tensor([m if m >= 0 else degrees - 1 - m for _, m in orders])
        self.register_buffer("waves", waves, persistent=False)
        self.register_buffer("zonal", torch.arange(degrees) ** 2, persistent=False)

    @torch.no_grad()
    def forward(self, graph: PrefixGraph, distances: Tensor) -> TripletBases:
        """The bases of a graph.

        Args:
            graph: D triplets.
            distances: [E], Å, of its pairs.
        """
        angle, torsion = triplet_angles(graph)
        of_angle = _waves(angle, len(self.zonal)) @ self.series.to(angle.dtype)
        angular = of_angle * _waves(torsion, len(self.zonal)).index_select(1, self.waves)
        return TripletBases(
            angular.index_select(1, self.zonal), angular, self.bessel(distances).flatten(1), graph.sent
        )


def _waves(x: Tensor, n: int) -> Tensor:
    """cos 0, cos x, ... cos (n − 1)x, sin x, ... sin nx of x [D]: [D, 2 n]."""
    multiples = torch.arange(n + 1, dtype=x.dtype, device=x.device) * x[:, None]
    return torch.cat([torch.cos(multiples[:, :-1]), torch.sin(multiples[:, 1:])], dim=1)


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
