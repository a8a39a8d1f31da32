"""Signals on the sphere: quadrature grids, spherical harmonics, log-partition functions."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import torch
from scipy.special import roots_legendre
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from tutti.nn.so3 import spherical_harmonics

# Rows of logits evaluated together, as floats: a block of this size stays in the processor's cache.
_BLOCK = 1 << 18


def harmonics(lmax: int, directions: Tensor) -> Tensor:
    """Real spherical harmonics of degrees 0 ... lmax in e3nn's order and `integral` normalisation.

    Args:
        lmax: highest degree.
        directions: [..., 3]; need not be of length 1.

    Returns:
        [..., (lmax + 1)²], orthonormal over the unit sphere.
    """
    degrees = list(range(lmax + 1))
    return spherical_harmonics(degrees, directions, "integral")


class SphericalGrid:
    """Gauss-Legendre nodes in the polar cosine times uniform azimuths: exact up to degree 2·polar − 1.

    Attributes:
        directions: [G, 3] unit vectors; the polar axis is y, as in e3nn.
        log_weights: [G] logarithms of the quadrature weights, which sum to 4π.
    """

    def __init__(self, polar: int, azimuths: int) -> None:
        cosines, weights = (torch.from_numpy(values) for values in roots_legendre(polar))
        angles = torch.arange(azimuths, dtype=torch.float64) * (2.0 * torch.pi / azimuths)
        sines = torch.sqrt(1.0 - cosines**2)
        self.directions = torch.stack(
            [
                sines[:, None] * torch.sin(angles),
                cosines[:, None].expand(-1, azimuths),
                sines[:, None] * torch.cos(angles),
            ],
            dim=-1,
        ).reshape(-1, 3)
        self.log_weights = torch.log(weights * (2.0 * torch.pi / azimuths)).repeat_interleave(azimuths)

    def __len__(self) -> int:
        return len(self.log_weights)


@lru_cache(maxsize=32)
def grid_harmonics(
    lmax: int, polar: int, azimuths: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """(harmonics [G, (lmax + 1)²], log-weights [G]) of a `SphericalGrid`, made once per device and type."""
    grid = SphericalGrid(polar, azimuths)
    values = harmonics(lmax, grid.directions)
    return values.to(device, dtype), grid.log_weights.to(device, dtype)


@lru_cache(maxsize=32)
def grid_directions(polar: int, azimuths: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Directions [G, 3] of a `SphericalGrid`, made once per device and type."""
    return SphericalGrid(polar, azimuths).directions.to(device, dtype)


@dataclass(frozen=True)
class _Rings:
    """Harmonics on a `SphericalGrid` as products: Y_lm(θ, φ) = latitudes(θ) · azimuthal(φ), order by order.

    Attributes:
        rows: [M, L], where coefficient (m, l) stands among all; (lmax + 1)² for l < |m|, where there is none.
        latitudes: [M, L, polar].
        azimuthal: [M, azimuths], sin |m|φ and cos mφ.
        log_weights: [polar], of a point on each ring.
    """

    rows: Tensor
    latitudes: Tensor
    azimuthal: Tensor
    log_weights: Tensor

    @classmethod
    def make(cls, lmax: int, polar: int, azimuths: int) -> Self:
        """In float64 on the CPU."""
        # The latitudes are Fourier coefficients on rings, of which few points suffice.
        few = 2 * lmax + 1
        values = harmonics(lmax, SphericalGrid(polar, few).directions).unflatten(0, (polar, few))
        waves = _waves(lmax, few)
        parts = values.transpose(0, 1).flatten(1).T @ waves.T / waves.square().sum(1)
        parts = pad(parts.unflatten(0, (polar, -1)), (0, 0, 0, 1))
        orders, l = torch.arange(-lmax, lmax + 1)[:, None], torch.arange(lmax + 1)
        rows = torch.where(l >= orders.abs(), l * l + l + orders, (lmax + 1) ** 2)
        latitudes = parts[:, rows, orders + lmax].permute(1, 2, 0).contiguous()
        log_weights = SphericalGrid(polar, azimuths).log_weights[::azimuths]
        return cls(rows, latitudes, _waves(lmax, azimuths), log_weights)

    def to(self, dtype: torch.dtype, device: torch.device) -> Self:
        """The same in another type on another device."""
        floats = (part.to(device, dtype) for part in (self.latitudes, self.azimuthal, self.log_weights))
        return type(self)(self.rows.to(device), *floats)

    def signals(self, coefficients: Tensor) -> Tensor:
        """Coefficients [N, (lmax + 1)²] → signals with their log-weights added, [N, polar · azimuths]."""
        by_order = pad(coefficients, (0, 1)).T[self.rows].mT
        on_rings = torch.bmm(by_order, self.latitudes)
        on_rings[len(self.rows) // 2] += self.log_weights
        return (on_rings.flatten(1).T @ self.azimuthal).view(len(coefficients), -1)

    def moments(self, masses: Tensor) -> tuple[Tensor, Tensor]:
        """Masses [N, polar · azimuths] → their sums over the harmonics [N, (lmax + 1)²], and in all [N]."""
        n, (_, polar) = len(masses), self.latitudes.shape[1:]
        on_rings = (self.azimuthal @ masses.view(n * polar, -1).T).unflatten(1, (n, polar))
        by_order = torch.bmm(self.latitudes, on_rings.mT)
        result = masses.new_zeros(self.latitudes.shape[1] ** 2 + 1, n)
        result[self.rows] = by_order
        return result[:-1].T, on_rings[len(self.rows) // 2].sum(1)


def _waves(lmax: int, azimuths: int) -> Tensor:
    """[2 lmax + 1, azimuths]: sin |m|φ for m < 0, cos mφ for m ≥ 0."""
    angles = torch.arange(azimuths, dtype=torch.float64) * (2.0 * torch.pi / azimuths)
    orders = torch.arange(-lmax, lmax + 1)[:, None]
    return torch.where(orders < 0, torch.sin(orders.abs() * angles), torch.cos(orders * angles))


@lru_cache(maxsize=32)
def _rings(lmax: int, polar: int, azimuths: int, dtype: torch.dtype, device: torch.device) -> _Rings:
    with torch.inference_mode(False):
        return _Rings.make(lmax, polar, azimuths).to(dtype, device)


class _LogPartition(torch.autograd.Function):
    """log Σ_channels ∫ exp(c · Y(r̂)) dr̂ with its gradient taken in the same pass, block by block.

    The gradient is the mean of Y under the softmax, so nothing of the size of the grid outlives a block.
    """

    @staticmethod
    def forward(ctx, coefficients: Tensor, rings: _Rings) -> Tensor:  # noqa: ANN001
        rows, channels, _ = coefficients.shape
        log_z, gradient = coefficients.new_empty(rows), torch.empty_like(coefficients)
        points = len(rings.log_weights) * rings.azimuthal.shape[1]
        step = max(1, _BLOCK // (channels * points))
        for start in range(0, rows, step):
            block = slice(start, start + step)
            logits = rings.signals(coefficients[block].flatten(0, 1)).view(-1, channels * points)
            peak = logits.amax(1, keepdim=True)
            # What is clamped adds nothing; its exponentials would be denormal, which take ten times as long.
            masses = logits.sub_(peak).clamp_min_(-80.0).exp_()
            if ctx.needs_input_grad[0]:
                moments, totals = rings.moments(masses.view(-1, points))
                total = totals.view(-1, channels).sum(1, keepdim=True)
                gradient[block] = moments.unflatten(0, (-1, channels)) / total[:, :, None]
            else:
                total = masses.sum(1, keepdim=True)
            log_z[block] = (peak + total.log()).flatten()
        ctx.save_for_backward(gradient)
        return log_z

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:  # noqa: ANN001
        (gradient,) = ctx.saved_tensors
        return grad[:, None, None] * gradient, None


def log_partition(coefficients: Tensor, polar: int, azimuths: int) -> Tensor:
    """log Σ_channels ∫ exp(Σ_lm c_lm Y_lm(r̂)) dr̂ over the unit sphere, by quadrature.

    Args:
        coefficients: [N, channels, (lmax + 1)²].
        polar, azimuths: of the `SphericalGrid`.

    Returns:
        [N]; differentiable once with respect to the coefficients.
    """
    lmax = math.isqrt(coefficients.shape[2]) - 1
    rings = _rings(lmax, polar, azimuths, coefficients.dtype, coefficients.device)
    return _LogPartition.apply(coefficients, rings)
