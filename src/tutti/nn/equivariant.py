"""Equivariant layers on features [nodes, (lmax + 1)², channels] of parity (−1)^l.

Components are in e3nn's order: degree l stands in rows l² ... (l + 1)² − 1, m = −l ... l; polar axis y.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn

from tutti.nn.spherical import SphericalGrid, harmonics


def dimension(lmax: int) -> int:
    """Number of components of all degrees up to `lmax`: (lmax + 1)²."""
    return (lmax + 1) ** 2


def degrees(lmax: int) -> Tensor:
    """[(lmax + 1)²]: the degree of each component."""
    return torch.cat([torch.full((2 * l + 1,), l) for l in range(lmax + 1)])


def orders(lmax: int) -> Tensor:
    """[(lmax + 1)²]: the order m of each component."""
    return torch.cat([torch.arange(-l, l + 1) for l in range(lmax + 1)])


def rows_by_order(lmax: int) -> Tensor:
    """[(lmax + 1)²]: component rows sorted by |m|, then +m before −m, then degree: 0, +1, −1, +2, −2, ..."""
    signed = [0, *[sign * m for m in range(1, lmax + 1) for sign in (1, -1)]]
    return torch.tensor([l * l + l + m for m in signed for l in range(abs(m), lmax + 1)])


def pad_degrees(x: Tensor, lmax: int) -> Tensor:
    """Features of all degrees up to `lmax`: higher ones than `x` has are zero, others are cut."""
    missing = dimension(lmax) - x.shape[1]
    return nn.functional.pad(x, (0, 0, 0, missing))


class EquivariantLinear(nn.Module):
    """Mix channels by one matrix per degree, with a bias on l = 0 only.

    Input: [N, d, channels_in]. Output: [N, d, channels_out].
    """

    def __init__(self, lmax: int, channels_in: int, channels_out: int, bias: bool = True) -> None:
        super().__init__()
        self.lmax = lmax
        weight = torch.randn(lmax + 1, channels_in, channels_out) / math.sqrt(channels_in)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(channels_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Features of degrees 0 ... lmax, [N, (lmax + 1)², channels_in]."""
        mixed = [x[:, l * l : (l + 1) ** 2] @ self.weight[l] for l in range(self.lmax + 1)]
        if self.bias is not None:
            mixed[0] = mixed[0] + self.bias
        return torch.cat(mixed, dim=1)


class Gate(nn.Module):
    """Activate scalars and scale every higher degree by a sigmoid of gate scalars.

    Input: [N, d, channels] and gates [N, lmax · channels]. Output: [N, d, channels].
    """

    def __init__(self, lmax: int, activation: nn.Module) -> None:
        super().__init__()
        self.lmax, self.activation = lmax, activation
        self.register_buffer("degree", degrees(lmax)[1:] - 1, persistent=False)

    def forward(self, x: Tensor, gates: Tensor) -> Tensor:
        """See the class."""
        scalars = self.activation(x[:, :1])
        if self.lmax == 0:
            return scalars
        gates = torch.sigmoid(gates).view(len(x), self.lmax, -1)
        return torch.cat([scalars, x[:, 1:] * gates[:, self.degree]], dim=1)


@lru_cache(maxsize=32)
def _quarter_turn(lmax: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Wigner matrix [d, d] of the rotation about z that carries the x axis to the y axis.

    ∫ Y(Rr̂) Y(r̂)ᵀ dr̂ by exact quadrature, in float64 (e3nn's `wigner_D` computes in the default type).
    """
    turn = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    grid = SphericalGrid(lmax + 1, 2 * lmax + 1)
    weighted = harmonics(lmax, grid.directions) * grid.log_weights.exp()[:, None]
    return (harmonics(lmax, grid.directions @ turn.T).T @ weighted).to(device, dtype)


def _turn_about_y(lmax: int, cosine: Tensor, sine: Tensor) -> Tensor:
    """Wigner matrices [E, d, d] of rotations about y by the angle of (cosine [E], sine [E])."""
    turn = torch.complex(cosine, sine)[:, None]
    powers = torch.cat([torch.ones_like(turn), torch.cumprod(turn.expand(-1, lmax), dim=1)], dim=1)
    m = orders(lmax).to(cosine.device)
    own = powers[:, m.abs()]
    # Component −m of a degree stands 2m rows before component m.
    rows = torch.arange(dimension(lmax), device=cosine.device)
    mirrored = torch.zeros(len(rows), len(rows), dtype=cosine.dtype, device=cosine.device)
    mirrored[rows, rows - 2 * m] = -torch.sign(m).to(cosine.dtype)
    return torch.diag_embed(own.real) + own.imag[:, :, None] * mirrored


def align_to_polar_axis(lmax: int, directions: Tensor) -> Tensor:
    """Wigner matrices that turn each direction onto the polar axis y.

    Args:
        lmax: highest degree.
        directions: [E, 3] unit vectors.

    Returns:
        [E, (lmax + 1)², (lmax + 1)²]; the turn about y that is left free is any.
    """
    quarter = _quarter_turn(lmax, directions.dtype, directions.device)
    x, y, z = directions.unbind(-1)
    # The two angles are singular at the pole, also in their gradients: directions near it are first carried
    # to the equator by the quarter turn.
    near_pole = y.abs() > 0.8
    x, y = torch.where(near_pole, -y, x), torch.where(near_pole, x, y)
    sine_polar = torch.sqrt(x**2 + z**2)
    azimuth = _turn_about_y(lmax, z / sine_polar, -x / sine_polar)
    polar = _turn_about_y(lmax, y, -sine_polar)
    turn = quarter.T @ polar @ quarter @ azimuth
    return torch.where(near_pole[:, None, None], turn @ quarter, turn)
