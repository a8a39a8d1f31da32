"""Monotone rational-quadratic splines (Durkan et al. 2019): a density on an interval from free parameters."""

import torch
from torch import Tensor
from torch.nn.functional import softmax, softplus

MIN_BIN = 1e-3
MIN_SLOPE = 1e-3


def n_parameters(bins: int) -> int:
    """Number of free parameters of a spline with that many bins."""
    return 3 * bins + 1


def _knots(free: Tensor) -> tuple[Tensor, Tensor]:
    """(bin sizes [N, K], knots [N, K + 1] from 0 to 1)."""
    bins = free.shape[-1]
    sizes = MIN_BIN + (1.0 - MIN_BIN * bins) * softmax(free, dim=-1)
    knots = torch.cumsum(sizes, -1)
    return sizes, torch.cat([torch.zeros_like(knots[:, :1]), knots], dim=-1)


def log_density(x: Tensor, parameters: Tensor) -> Tensor:
    """log du/dx of the monotone spline u: [0, 1] → [0, 1], that is, the log-density of u⁻¹(uniform).

    Durkan et al. 2019, equations 4 and 5.

    Args:
        x: [N, M], clipped to the interval.
        parameters: [N, 3K + 1], unconstrained: bin widths, bin heights, slopes at the knots.

    Returns:
        [N, M].
    """
    bins = (parameters.shape[-1] - 1) // 3
    widths, x_knots = _knots(parameters[:, :bins])
    heights, _ = _knots(parameters[:, bins : 2 * bins])
    slopes = MIN_SLOPE + softplus(parameters[:, 2 * bins :])
    x = x.clamp(0.0, 1.0)
    bin_of = torch.searchsorted(x_knots[:, 1:-1].detach().contiguous(), x.contiguous(), right=True)
    width, height = widths.gather(-1, bin_of), heights.gather(-1, bin_of)
    left, right = slopes.gather(-1, bin_of), slopes.gather(-1, bin_of + 1)
    slope = height / width
    position = ((x - x_knots.gather(-1, bin_of)) / width).clamp(0.0, 1.0)
    mixed = position * (1.0 - position)
    numerator = right * position**2 + 2.0 * slope * mixed + left * (1.0 - position) ** 2
    denominator = slope + (left + right - 2.0 * slope) * mixed
    return 2.0 * torch.log(slope) + torch.log(numerator) - 2.0 * torch.log(denominator)
