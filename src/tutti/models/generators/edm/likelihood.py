"""Likelihood of types and charges given z_0: Gaussians integrated over unit bins (Hoogeboom et al. 2022)."""

import torch
from torch import Tensor
from torch.special import log_ndtr


def log_bin_mass(centre: Tensor, sigma: float) -> Tensor:
    """log of ∫ N(u | 0, σ²) du over the unit bin around `centre`, of its shape, also far in its tails."""
    # By symmetry the bin is taken on the negative side, where Φ does not round to 1.
    centre = -centre.abs()
    upper, lower = log_ndtr((centre + 0.5) / sigma), log_ndtr((centre - 0.5) / sigma)
    return upper + torch.log(-torch.expm1(lower - upper))


def log_types(scaled: Tensor, species: Tensor, sigma: float) -> Tensor:
    """log p(type | z_0) of each atom, [N]: masses of the bins around 1, normalised over the types.

    Args:
        scaled: [N, S], the types' part of z_0 in units of 1 for a type.
        species: [N], the types.
        sigma: σ_0 in the same units.
    """
    masses = torch.log_softmax(log_bin_mass(scaled - 1.0, sigma), dim=1)
    return masses.gather(1, species[:, None]).squeeze(1)


def log_charges(scaled: Tensor, charges: Tensor, sigma: float) -> Tensor:
    """log p(charge | z_0) of each atom, [N]: the mass of the bin around its atomic number.

    Args:
        scaled: [N], the charge's part of z_0 in units of the elementary charge.
        charges: [N], atomic numbers.
        sigma: σ_0 in the same units.
    """
    return log_bin_mass(charges - scaled, sigma)
