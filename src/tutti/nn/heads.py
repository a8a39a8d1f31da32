"""Properties of structures from features of their atoms.

Positions [N, 3] in Å are relative to each structure's centre of mass, the origin that the papers take for the
dipole moment and the electronic spatial extent; the charges need not sum to zero. `structure` [N] is the
structure of each atom, 0 ... n − 1. Results are [n], in the units of what the head is trained on.
"""

import torch
from torch import Tensor, nn

from tutti.nn.painn import EPSILON


class Atomwise(nn.Sequential):
    """One number per atom, F → F/2 → 1: scalars [N, F] → [N]."""

    def __init__(self, channels: int, activation: nn.Module) -> None:
        half = channels // 2
        super().__init__(nn.Linear(channels, half), activation, nn.Linear(half, 1), nn.Flatten(0))


def charge_dipole(charges: Tensor, positions: Tensor, structure: Tensor, n: int) -> Tensor:
    """Norm of the dipole moment of atomic charges [N], ‖Σ q_i r_i‖ (Schütt et al. 2019, SchNetPack), [n]."""
    return torch.linalg.vector_norm(_sum(charges[:, None] * positions, structure, n), dim=1)


def spatial_extent(charges: Tensor, positions: Tensor, structure: Tensor, n: int) -> Tensor:
    """Electronic spatial extent Σ q_i ‖r_i‖² of charges [N] (Schütt et al. 2021, section 5.1), [n]."""
    return _sum(charges * positions.square().sum(1), structure, n)


class GatedEquivariantBlock(nn.Module):
    """Vectors mixed and weighed by what a network says of scalars and norms (Schütt et al. 2021, figure 3).

    Args:
        n_in: scalar and vector features.
        n_out: scalar and vector features of the result.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.mix = nn.Linear(n_in, 2 * n_out, bias=False)
        self.context = nn.Sequential(nn.Linear(n_in + n_out, n_in), nn.SiLU(), nn.Linear(n_in, 2 * n_out))

    def forward(self, s: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """[N, n_in], [N, 3, n_in] → [N, n_out], [N, 3, n_out]."""
        for_norm, mixed = self.mix(v).chunk(2, dim=-1)
        norms = (for_norm.square().sum(1) + EPSILON).sqrt()
        scalars, gates = self.context(torch.cat([s, norms], dim=1)).chunk(2, dim=-1)
        return scalars, gates[:, None] * mixed


class EquivariantReadout(nn.Module):
    """Two gated equivariant blocks, F → F/2 → 1, with SiLU on the scalars between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = GatedEquivariantBlock(channels, channels // 2)
        self.second = GatedEquivariantBlock(channels // 2, 1)

    def forward(self, s: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Scalars [N, F], vectors [N, 3, F] → a scalar [N] and a vector [N, 3] of each atom."""
        s, v = self.first(s, v)
        s, v = self.second(nn.functional.silu(s), v)
        return s.squeeze(1), v.squeeze(2)


class VectorDipole(nn.Module):
    """Norm of the dipole of atomic dipoles and charges, ‖Σ μ_i + q_i r_i‖ (Schütt et al. 2021, section 4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.readout = EquivariantReadout(channels)

    def forward(
        self, scalars: Tensor, vectors: Tensor, positions: Tensor, structure: Tensor, n: int
    ) -> Tensor:
        """Scalars [N, F], vectors [N, 3, F] → [n]."""
        charges, dipoles = self.readout(scalars, vectors)
        moments = torch.addcmul(dipoles, charges[:, None], positions)
        return torch.linalg.vector_norm(_sum(moments, structure, n), dim=1)


class Polarisability(nn.Module):
    """A third of the trace of Σ α_i 1 + ν_i ⊗ r_i + r_i ⊗ ν_i (Schütt et al. 2021, section 4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.readout = EquivariantReadout(channels)

    def forward(
        self, scalars: Tensor, vectors: Tensor, positions: Tensor, structure: Tensor, n: int
    ) -> Tensor:
        """Scalars [N, F], vectors [N, 3, F] → [n]."""
        isotropic, directed = self.readout(scalars, vectors)
        return _sum(isotropic + 2.0 / 3.0 * (directed * positions).sum(1), structure, n)


def _sum(values: Tensor, structure: Tensor, n: int) -> Tensor:
    """Values of atoms [N, ...] summed over each of the `n` structures."""
    return values.new_zeros(n, *values.shape[1:]).index_add(0, structure, values)
