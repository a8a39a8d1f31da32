"""Densities on the sphere that are fitted: sharp peaks in given directions, as in Symphony's loss."""

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

from tutti.core.randomness import torch_generator
from tutti.nn.spherical import grid_harmonics, harmonics

LMAX = 5
"""Of the targets, whatever the degree of the model: that of the published training."""


def random_points(number: int, points: int, seed: int) -> Tensor:
    """Uniform random directions [number, points, 3]; the first ones do not depend on how many there are."""
    generators = (torch_generator(seed, "points on the sphere", i) for i in range(number))
    drawn = [torch.randn(points, 3, generator=each, dtype=torch.float64) for each in generators]
    return normalize(torch.stack(drawn), dim=-1)


def octahedron() -> Tensor:
    """The six directions ± x, ± y, ± z, [1, 6, 3]."""
    axes = torch.eye(3, dtype=torch.float64)
    return torch.cat([axes, -axes])[None]


def log_masses(points: Tensor, sharpness: float, polar: int) -> Tensor:
    """Log-masses of the mean over points r* of exp(β δ(r̂ − r̂*)), each normalised, on a quadrature grid.

    Args:
        points: [N, P, 3] unit vectors.
        sharpness: β.
        polar: polar nodes of the grid (see `quadrature`).

    Returns:
        [N, G]; their exponentials, which hold the quadrature weights, sum to 1.
    """
    basis, log_weights = quadrature(LMAX, polar, points)
    logits = sharpness * harmonics(LMAX, points) @ basis.T + log_weights
    return torch.logsumexp(torch.log_softmax(logits, dim=-1), dim=1) - math.log(points.shape[1])


def quadrature(lmax: int, polar: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """(harmonics [G, (lmax + 1)²], log-weights [G]) on a grid polar × (2 polar − 1), as `like` is."""
    return grid_harmonics(lmax, polar, 2 * polar - 1, like.dtype, like.device)
