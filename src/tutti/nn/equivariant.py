"""Equivariant layers on features [nodes, (lmax + 1)², channels] of parity (−1)^l.

Components are in e3nn's order: degree l stands in rows l² ... (l + 1)² − 1, m = −l ... l; polar axis y.
Weights have variance 1 and are divided by the root of the number of inputs (see `unit_variance`).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import torch
from torch import Tensor, nn

from tutti.nn.spherical import SphericalGrid, harmonics
from tutti.nn.tensors import Tensors


def dimension(lmax: int) -> int:
    """Number of components of all degrees up to `lmax`: (lmax + 1)²."""
    return (lmax + 1) ** 2


def degrees(lmax: int) -> Tensor:
    """[(lmax + 1)²]: the degree of each component."""
    return torch.cat([torch.full((2 * l + 1,), l) for l in range(lmax + 1)])


def of_degree(l: int) -> slice:
    """Rows of the components of degree `l`."""
    return slice(l * l, (l + 1) ** 2)


class EquivariantLinear(nn.Module):
    """Mix channels by one matrix per degree: [N, d, channels_in] → [N, d, channels_out]."""

    def __init__(self, lmax: int, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(lmax + 1, channels_in, channels_out))

    def forward(self, x: Tensor) -> Tensor:
        """Features of degrees from 0 to any up to lmax."""
        weight = self.weight / math.sqrt(self.weight.shape[1])
        lmax = math.isqrt(x.shape[1]) - 1
        return torch.cat([x[:, of_degree(l)] @ weight[l] for l in range(lmax + 1)], dim=1)


@dataclass(frozen=True)
class SpeciesGroups(Tensors):
    """N atoms by species.

    Attributes:
        species: [N].
        order: [N], rows of the atoms, those of one species next to each other.
        back: [N], where each atom stands in `order`.
        sizes: how many atoms of each species there are.
    """

    species: Tensor
    order: Tensor
    back: Tensor
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, species: Tensor, n_species: int) -> Self:
        """Groups of `species` [N]; waits for their device."""
        order = torch.argsort(species, stable=True)
        sizes = torch.bincount(species, minlength=n_species).tolist()
        return cls(species, order, torch.argsort(order), tuple(sizes))


class SpeciesLinear(nn.Module):
    """Mix channels by one matrix per degree and species of the atom.

    Args:
        n_species: number of species.
        channels: of the input.
        widths: channels of the result by degree.
    """

    def __init__(self, n_species: int, channels: int, widths: list[int]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(torch.randn(n_species, channels, width) for width in widths)

    def forward(self, x: Tensor, atoms: SpeciesGroups) -> list[Tensor]:
        """[N, d, channels] of `atoms` → for each degree [N, 2l + 1, width]."""
        channels = self.weights[0].shape[1]
        groups = x.index_select(0, atoms.order).split(atoms.sizes)
        mixed = []
        for l, weight in enumerate(self.weights):
            scaled = weight / math.sqrt(channels)
            parts = [group[:, of_degree(l)] @ own for group, own in zip(groups, scaled, strict=True)]
            mixed.append(torch.cat(parts).index_select(0, atoms.back))
        return mixed


@lru_cache(maxsize=64)
def _quarter_turn(l: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Wigner matrix [2l + 1, 2l + 1] of the rotation about z that carries the x axis to the y axis.

    ∫ Y(Rr̂) Y(r̂)ᵀ dr̂ by exact quadrature, in float64 (e3nn's `wigner_D` computes in the default type).
    """
    with torch.inference_mode(False):
        turn = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
        grid = SphericalGrid(l + 1, 2 * l + 1)
        weighted = harmonics(l, grid.directions)[:, of_degree(l)] * grid.log_weights.exp()[:, None]
        return (harmonics(l, grid.directions @ turn.T)[:, of_degree(l)].T @ weighted).to(device, dtype)


def _multiples(lmax: int, cosine: Tensor, sine: Tensor) -> tuple[Tensor, Tensor]:
    """cos(mα) and sin(mα) [E, 2 lmax + 1] for m = −lmax ... lmax, from those of α [E]."""
    turn = torch.complex(cosine, sine)[:, None]
    powers = torch.cumprod(turn.expand(-1, lmax), dim=1)
    powers = torch.cat([powers.flip(1).conj(), torch.ones_like(turn), powers], dim=1)
    return powers.real.contiguous(), powers.imag.contiguous()


def align_to_polar_axis(lmax: int, directions: Tensor) -> list[Tensor]:
    """Wigner matrices that turn each direction onto the polar axis y.

    Args:
        lmax: highest degree.
        directions: [E, 3] unit vectors.

    Returns:
        For each degree [E, 2l + 1, 2l + 1]; the turn about y that is left free is any.
    """
    x, y, z = directions.unbind(-1)
    # The two angles are singular at the pole: directions near it are first carried to the equator by the
    # quarter turn.
    near_pole = y.abs() > 0.8
    x, y = torch.where(near_pole, -y, x), torch.where(near_pole, x, y)
    sine = torch.sqrt(x**2 + z**2)
    azimuth, polar = _multiples(lmax, z / sine, -x / sine), _multiples(lmax, y, -sine)
    turns = []
    for l in range(lmax + 1):
        own = slice(lmax - l, lmax + l + 1)
        quarter = _quarter_turn(l, directions.dtype, directions.device)
        # A turn about y mixes the components m and −m of a degree alone.
        (c, s), (c_polar, s_polar) = ((part[:, own] for part in angle) for angle in (azimuth, polar))
        turn = quarter * c[:, None] + quarter.flip(1) * s[:, None]
        turn = c_polar[:, :, None] * turn - s_polar[:, :, None] * turn.flip(1)
        turn = quarter.T @ turn
        turns.append(torch.where(near_pole[:, None, None], turn @ quarter, turn))
    return turns
