"""Spherical Bessel functions that vanish at a cutoff, as a radial basis for each degree."""

import math
from itertools import pairwise

import numpy as np
import torch
from numpy.polynomial import chebyshev
from scipy.optimize import brentq
from scipy.special import spherical_jn
from torch import Tensor, nn

_TERMS = 64
"""Of the Chebyshev series; enough for rounding errors of float64 up to degree and number 12."""


def zeros(lmax: int, n: int) -> np.ndarray:
    """First `n` positive zeros of j_0 ... j_lmax, [lmax + 1, n]; between two of j_(l−1) lies one of j_l."""
    below = np.arange(1, n + lmax + 1) * math.pi
    rows = [below[:n]]
    for l in range(1, lmax + 1):
        below = np.array(
            [brentq(lambda x, l=l: spherical_jn(l, x), *pair, xtol=1e-14) for pair in pairwise(below)]
        )
        rows.append(below[:n])
    return np.stack(rows)


class SphericalBesselBasis(nn.Module):
    """N_ln j_l(z_ln r / c) for l < `degrees` and n = 1 ... `n` (Gasteiger et al. 2020, equation 6).

    z_ln is the n-th zero of j_l, and N_ln makes the functions of one degree orthonormal on 0 ... 1 in r / c
    with weight (r / c)². They are evaluated as Chebyshev series in r: one cosine per term and one matrix
    product, exact to rounding also near r = 0, where recursions fail.

    Args:
        degrees: number of degrees.
        n: functions per degree.
        cutoff: Å.
    """

    def __init__(self, degrees: int, n: int, cutoff: float) -> None:
        super().__init__()
        self.cutoff, self.shape = cutoff, (degrees, n)
        roots = zeros(degrees - 1, n)
        order = np.arange(degrees)[:, None]
        norms = math.sqrt(2.0) / np.abs(spherical_jn(order + 1, roots))
        nodes = np.cos(math.pi * (np.arange(_TERMS) + 0.5) / _TERMS)
        values = (norms * spherical_jn(order, roots * 0.5 * (nodes[:, None, None] + 1.0))).reshape(_TERMS, -1)
        series = np.linalg.solve(chebyshev.chebvander(nodes, _TERMS - 1), values)
        # Stays float64, so that a model of float64 does not begin with rounded ones.
        self.register_buffer("series", torch.from_numpy(series), persistent=False)

    def forward(self, r: Tensor) -> Tensor:
        """[E, degrees, n] at distances `r` [E] in Å, 0 beyond the cutoff."""
        x = (2.0 / self.cutoff * r - 1.0).clamp(-1.0, 1.0)
        terms = torch.arange(_TERMS, device=r.device, dtype=r.dtype)
        values = torch.cos(terms * torch.acos(x)[:, None]) @ self.series.to(r.dtype)
        return values.unflatten(-1, self.shape) * (r < self.cutoff)[:, None, None]
