"""Radial bases, cutoff functions and the activation of SchNet."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


def shifted_softplus(x: Tensor) -> Tensor:
    """ln(0.5 eˣ + 0.5), elementwise (Schütt et al. 2017, section 4.2)."""
    return softplus(x).sub_(math.log(2.0))


def cosine_cutoff(r: Tensor, cutoff: float) -> Tensor:
    """0.5 (cos(π r / cutoff) + 1) inside the cutoff, 0 outside; same shape as `r` (Å)."""
    return 0.5 * (torch.cos(r * (math.pi / cutoff)) + 1.0) * (r < cutoff)


def hard_cutoff(r: Tensor, cutoff: float) -> Tensor:
    """1 up to the cutoff, 0 beyond it; same shape as `r` (Å)."""
    return (r <= cutoff).to(r.dtype)


def polynomial_envelope(r: Tensor, cutoff: float, p: int = 6) -> Tensor:
    """Polynomial that falls from 1 to 0 at the cutoff, smooth to its second derivative.

    Gasteiger et al. 2020 (DimeNet), equation 8; same shape as `r` (Å).
    """
    x = r / cutoff
    value = (
        1.0 - 0.5 * (p + 1) * (p + 2) * x**p + p * (p + 2) * x ** (p + 1) - 0.5 * p * (p + 1) * x ** (p + 2)
    )
    return value * (x < 1.0)


class GaussianBasis(nn.Module):
    """`n` Gaussians exp(−γ (r − μ_k)²) with centres from 0 to `cutoff` and γ = 1 / (2 Δμ²): [E] → [E, n]."""

    def __init__(self, n: int, cutoff: float, start: float = 0.0) -> None:
        super().__init__()
        centres = torch.linspace(start, cutoff, n, dtype=torch.float64)
        self.gamma = 0.5 / float(centres[1] - centres[0]) ** 2
        self.register_buffer("centres", centres.to(torch.get_default_dtype()))

    def forward(self, r: Tensor) -> Tensor:
        """Values at distances `r` [E] in Å."""
        return torch.exp(-self.gamma * (r[:, None] - self.centres) ** 2)


class BesselBasis(nn.Module):
    """√(2/c) sin(nπ r/c)/r for n = 1 ... `n` (Gasteiger et al. 2020, equation 7): [E] → [E, n]."""

    def __init__(self, n: int, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff
        frequencies = torch.arange(1, n + 1, dtype=torch.float64) * (math.pi / cutoff)
        self.register_buffer("frequencies", frequencies.to(torch.get_default_dtype()))

    def forward(self, r: Tensor) -> Tensor:
        """Values at distances `r` [E] > 0 in Å."""
        r = r[:, None]
        return math.sqrt(2.0 / self.cutoff) * torch.sin(self.frequencies * r) / r
