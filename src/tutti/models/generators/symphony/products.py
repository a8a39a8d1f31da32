"""How the next atom's species enters the coefficients of its position."""

import math

import torch
from torch import Tensor, nn

from tutti.models.generators.symphony.config import PositionConfig
from tutti.nn.equivariant import EquivariantLinear, degrees, of_degree


class ElementwiseProduct(nn.Module):
    """Linear_l(h_l ∘ e_l), e_l as many numbers of the species as h_l has channels; without biases."""

    def __init__(self, config: PositionConfig, n_species: int, n_out: int) -> None:
        super().__init__()
        shape = n_species, config.lmax + 1, config.channels
        self.species = nn.Parameter(nn.init.trunc_normal_(torch.empty(shape)))
        self.linear = EquivariantLinear(config.lmax, config.channels, n_out)
        self.register_buffer("degree", degrees(config.lmax), persistent=False)

    def forward(self, features: Tensor, species: Tensor) -> Tensor:
        """[B, d, channels], [B] → coefficients [B, d, n_out] of orthonormal harmonics."""
        # The published coefficients are of harmonics with a mean square of 1.
        return math.sqrt(4.0 * math.pi) * self.linear(features * self.species[species][:, self.degree])


class OuterProduct(nn.Module):
    """Linear_l(h_l ⊗ embedding(species)), with a bias for l = 0."""

    def __init__(self, config: PositionConfig, n_species: int, n_out: int) -> None:
        super().__init__()
        self.species = nn.Embedding(n_species, config.species_channels)
        fan_in = config.channels * config.species_channels
        self.weight = nn.Parameter(torch.randn(config.lmax + 1, fan_in, n_out) / math.sqrt(fan_in))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, features: Tensor, species: Tensor) -> Tensor:
        """[B, d, channels], [B] → coefficients [B, d, n_out] of orthonormal harmonics."""
        # The embedding is contracted with the weights first, once for each species.
        weight = self.weight.unflatten(1, (-1, self.species.embedding_dim))
        per_species = torch.einsum("lcko,sk->lcso", weight, self.species.weight)
        mixed = [
            (features[:, of_degree(l)] @ own.flatten(1)).unflatten(-1, own.shape[1:])
            for l, own in enumerate(per_species)
        ]
        own = torch.cat(mixed, dim=1)[torch.arange(len(species), device=species.device), :, species]
        return torch.cat([own[:, :1] + self.bias, own[:, 1:]], dim=1)
