"""Fits of densities on the sphere by the gradient of KL(target ‖ density) in the coefficients themselves."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tutti.benchmark.signals.minimise import minimise
from tutti.benchmark.signals.parametrisations import Parametrisation
from tutti.benchmark.signals.targets import log_masses, quadrature
from tutti.core.randomness import torch_generator

# Polar nodes of the grid that is fitted on, and of the one that the final divergence is taken on: on the
# first, an error of the target of 5e-4, on the second below 1e-6 at sharpness 20.
POLAR, FINE_POLAR = 50, 100
# Values of signals on the grid that are held at a time: larger arrays are slower on a processor.
_BLOCK = 1 << 20


@dataclass(frozen=True)
class FitConfig:
    """How a target is fitted.

    Attributes:
        sharpness: β of the target's peaks; 20 in Symphony's training.
        starts: random coefficients that each target is fitted from; the best fit is kept.
        iterations: most steps of L-BFGS for each.
    """

    sharpness: float = 20.0
    starts: int = 2
    iterations: int = 200


@dataclass(frozen=True)
class Fit:
    """The best of each target's fits.

    Attributes:
        coefficients: [N, channels, parts, (lmax + 1)²].
        divergence: [N], KL(target ‖ density), nat.
    """

    coefficients: Tensor
    divergence: Tensor


def fit(
    family: Parametrisation,
    points: Tensor,
    lmax: int,
    channels: int,
    config: FitConfig,
    seed: int,
    told: Callable[[], None] = lambda: None,
) -> Fit:
    """Fit the targets with peaks at `points`.

    Args:
        family: of densities.
        points: [N, P, 3] unit vectors, whose device and type the fit has.
        lmax: highest degree of the signals.
        channels: of each density.
        config: how.
        seed: of the random coefficients that the fits start from; those of a target do not depend on the
            number of targets.
        told: called after each of `config.iterations`.
    """
    owners = torch.arange(len(points), device=points.device).repeat_interleave(config.starts)
    shape = (channels, family.parts, (lmax + 1) ** 2)
    start = _random_coefficients(len(points), config.starts, shape, seed).to(points)
    target = log_masses(points, config.sharpness, POLAR)
    basis, log_weights = quadrature(lmax, POLAR, points)

    def objective(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        values, gradients = [], []
        size = max(1, _BLOCK // (channels * family.parts * len(basis)))
        for some, numbers in zip(x.split(size), rows.split(size), strict=True):
            some = some.detach().requires_grad_()
            logits = family.logits(some.unflatten(1, shape), basis)
            value = divergence(target[owners[numbers]], logits + log_weights)
            gradients += torch.autograd.grad(value.sum(), some)
            values.append(value.detach())
        return torch.cat(values), torch.cat(gradients)

    found = minimise(objective, start.flatten(1), config.iterations, told).unflatten(1, shape)
    return _best(family, found.unflatten(0, (-1, config.starts)), points, lmax, config.sharpness)


def divergence(log_target: Tensor, logits: Tensor) -> Tensor:
    """KL(q ‖ p) [N] of log-masses [N, G] of q and of p, of the latter up to a constant; nat."""
    return (log_target.exp() * (log_target - torch.log_softmax(logits, dim=-1))).sum(-1)


def fine_divergence(
    family: Parametrisation, coefficients: Tensor, points: Tensor, lmax: int, sharpness: float
) -> Tensor:
    """KL(target ‖ density) [N] on the fine grid, of coefficients [N, channels, parts, (lmax + 1)²]; nat."""
    basis, log_weights = quadrature(lmax, FINE_POLAR, points)
    size = max(1, _BLOCK // (coefficients[0, ..., 0].numel() * len(basis)))
    parts = zip(coefficients.split(size), points.split(size), strict=True)
    return torch.cat(
        [
            divergence(log_masses(some, sharpness, FINE_POLAR), family.logits(each, basis) + log_weights)
            for each, some in parts
        ]
    )


def _random_coefficients(number: int, starts: int, shape: tuple[int, int, int], seed: int) -> Tensor:
    """[number · starts, *shape], each channel of norm 1: with and without a norm, the same densities."""
    generators = (torch_generator(seed, "coefficients on the sphere", i) for i in range(number))
    drawn = [torch.randn(starts, *shape, generator=each, dtype=torch.float64) for each in generators]
    return torch.nn.functional.normalize(torch.cat(drawn).flatten(2), dim=-1).unflatten(-1, shape[1:])


def _best(family: Parametrisation, found: Tensor, points: Tensor, lmax: int, sharpness: float) -> Fit:
    """The best of coefficients [N, starts, channels, parts, (lmax + 1)²] of each target."""
    every = [fine_divergence(family, each, points, lmax, sharpness) for each in found.unbind(1)]
    lowest, which = torch.stack(every, dim=1).min(dim=1)
    return Fit(found[torch.arange(len(points), device=points.device), which], lowest)
