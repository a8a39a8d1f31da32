"""The field of the flow: what the network adds to a closed form."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from tutti.models.generators.atom_clouds import evidence, standardised
from tutti.nn.egnn import EGNN, FullPairs

SMALLEST = 1e-6
"""Å², lower bound of variances: atoms alone have none."""


class Prediction(NamedTuple):
    """Of the paths through z.

    Attributes:
        velocity: [ΣN, 3] Å, mean of dx/dt = x₁ − x₀.
        log_types: [ΣN, S], log p(type | z).
    """

    velocity: Tensor
    log_types: Tensor


class Moments(NamedTuple):
    """Of positions z = (1 − t) x₀ + t x₁ and their velocity v = x₁ − x₀, per coordinate, in the shape of t.

    Attributes:
        width: standard deviation of z.
        slope: of the regression of v on z.
        rest: standard deviation of what that leaves of v.
    """

    width: Tensor
    slope: Tensor
    rest: Tensor


class Field(nn.Module):
    """The network corrects what the best predictors of atoms without neighbours say.

    Positions: were noise and atoms jointly normal, with their variances `noise` and `data`, Å², and, as they
    are aligned, a covariance `coupling`, the mean of v given z would be slope · z. The network sees z in
    units of its width, and its target is the rest of v in units of its own: that is the rest of the end point
    x₁ = z + (1 − t) v too, and no time is singular. Karras et al. 2022, appendix B.6, have no covariance.

    Types: the network adds to the logarithms of what Bayes' theorem gives for independent atoms.
    """

    def __init__(self, n_species: int, type_scale: float) -> None:
        super().__init__()
        self.register_buffer("features", type_scale * torch.eye(n_species), persistent=False)
        self.register_buffer("noise", torch.ones(()))
        self.register_buffer("data", torch.ones(()))
        self.register_buffer("coupling", torch.zeros(()))
        self.register_buffer("shares", torch.full((n_species,), 1.0 / n_species))

    def fit(self, noise: Tensor, positions: Tensor, species: Tensor) -> None:
        """Moments of aligned noise and centred positions [N, 3], and shares of the types of `species`."""
        self.noise.copy_(noise.square().mean())
        self.data.copy_(positions.square().mean())
        self.coupling.copy_((noise * positions).mean())
        self.shares.copy_(torch.bincount(species, minlength=len(self.shares)) / len(species))

    def moments(self, times: Tensor) -> Moments:
        """At `times`."""
        early, late = 1.0 - times, times
        both = 2 * early * late * self.coupling
        variance = (early**2 * self.noise + late**2 * self.data + both).clamp_min(SMALLEST)
        covariance = late * self.data - early * self.noise + (early - late) * self.coupling
        rest = (self.noise * self.data - self.coupling**2) / variance
        return Moments(variance.sqrt(), covariance / variance, rest.clamp_min(SMALLEST).sqrt())

    def forward(self, network: EGNN, x: Tensor, h: Tensor, times: Tensor, pairs: FullPairs) -> Prediction:
        """At positions x [ΣN, 3], scaled types h [ΣN, S] and times [ΣN, 1] before 1."""
        width, slope, rest = self.moments(times)
        of_types = (h, self.features, self.shares, times, 1.0 - times)
        seen = x / width
        logits, moved = network(torch.cat([standardised(*of_types), times], dim=1), seen, pairs)
        log_types = torch.log_softmax(evidence(*of_types) + logits, dim=1)
        return Prediction(slope * x + rest * (moved - seen), log_types)
