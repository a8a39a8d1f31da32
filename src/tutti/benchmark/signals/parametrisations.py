"""Densities on the sphere from coefficients of spherical harmonics, up to their normalisation.

Coefficients are [N, channels, parts, (lmax + 1)²]: N densities, each the sum of those of its channels; of a
complex signal the parts are real and imaginary. The basis [G, (lmax + 1)²] is `tutti.nn.spherical.harmonics`.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor


class Parametrisation(Protocol):
    """A family of densities.

    Attributes:
        parts: real numbers for each coefficient.
    """

    parts: ClassVar[int]

    def logits(self, coefficients: Tensor, basis: Tensor) -> Tensor:
        """Logarithms [N, G] of the densities, without their constants."""


@dataclass(frozen=True)
class Symphony:
    """log p = log Σ_ch exp f_ch with real signals f (Daigavane et al. 2024)."""

    parts: ClassVar[int] = 1

    def logits(self, coefficients: Tensor, basis: Tensor) -> Tensor:
        """Logarithms [N, G] of the densities, without their constants."""
        return torch.logsumexp(coefficients[:, :, 0] @ basis.T, dim=1)


@dataclass(frozen=True)
class Simm:
    """p = exp(−β |f|² / k) with a complex signal f (Simm et al. 2021), k = Σ_lm |c_lm|² its squared norm.

    Several channels are a mixture of such densities, as in Symphony, so that only the exponents differ; Simm
    et al. add theirs before the square, which is one signal. |f|² has degrees up to 2 lmax. With k it lies
    between 0 and (lmax + 1)² / 4π, which bounds how sharp p can be; without k nothing does, and only the sign
    of β matters.

    Attributes:
        beta: β; below 0 the peaks are where |f| is large (so in Simm et al.'s code), above 0 where f is 0.
        normalised: whether to divide by k.
    """

    beta: float
    normalised: bool
    parts: ClassVar[int] = 2

    def logits(self, coefficients: Tensor, basis: Tensor) -> Tensor:
        """Logarithms [N, G] of the densities, without their constants."""
        squares = (coefficients @ basis.T).square().sum(dim=2)
        if self.normalised:
            squares = squares / coefficients.square().sum(dim=(2, 3))[..., None]
        return torch.logsumexp(-self.beta * squares, dim=1)


def parametrisation(name: str, beta: float) -> Parametrisation:
    """The family called `symphony`, `simm` or `simm_without_norm`; `beta` is for the latter two.

    Raises:
        KeyError: for any other name.
    """
    families: dict[str, Parametrisation] = {
        "symphony": Symphony(),
        "simm": Simm(beta, normalised=True),
        "simm_without_norm": Simm(beta, normalised=False),
    }
    return families[name]
