"""Signals on the sphere: quadrature grids, spherical harmonics, log-partition functions."""

from functools import lru_cache

import torch
from scipy.special import roots_legendre
from torch import Tensor
from torch.autograd.function import once_differentiable

from tutti.nn.so3 import spherical_harmonics

# Rows of logits evaluated together, as floats: a block of this size stays in the processor's cache.
_BLOCK = 1 << 20


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


class _LogPartition(torch.autograd.Function):
    """log Σ_channels ∫ exp(c · Y(r̂)) dr̂ with its gradient taken in the same pass, block by block.

    The gradient is the mean of Y under the softmax, so nothing of the size of the grid outlives a block.
    """

    @staticmethod
    def forward(ctx, coefficients: Tensor, basis: Tensor, log_weights: Tensor) -> Tensor:  # noqa: ANN001
        rows, channels, _ = coefficients.shape
        log_z = coefficients.new_empty(rows)
        gradient = torch.empty_like(coefficients)
        weighted = torch.cat([basis, log_weights[:, None]], dim=1)
        with_one = torch.nn.functional.pad(coefficients, (0, 1), value=1.0)
        step = max(1, _BLOCK // (channels * len(basis)))
        for start in range(0, rows, step):
            block = slice(start, start + step)
            logits = with_one[block] @ weighted.T
            peak = logits.amax((1, 2), keepdim=True)
            # What is clamped adds nothing; its exponentials would be denormal, which take ten times as long.
            logits.sub_(peak).clamp_min_(-80.0).exp_()
            total = logits.sum((1, 2), keepdim=True)
            if ctx.needs_input_grad[0]:
                gradient[block] = (logits @ basis) / total
            log_z[block] = (peak + total.log()).flatten()
        ctx.save_for_backward(gradient)
        return log_z

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN001
        (gradient,) = ctx.saved_tensors
        return grad[:, None, None] * gradient, None, None


def log_partition(coefficients: Tensor, basis: Tensor, log_weights: Tensor) -> Tensor:
    """log Σ_channels ∫ exp(Σ_lm c_lm Y_lm(r̂)) dr̂ over the unit sphere, by quadrature.

    Args:
        coefficients: [N, channels, (lmax + 1)²].
        basis: [G, (lmax + 1)²], harmonics on a grid.
        log_weights: [G], logarithms of the quadrature weights.

    Returns:
        [N]; differentiable once with respect to the coefficients.
    """
    return _LogPartition.apply(coefficients, basis, log_weights)
