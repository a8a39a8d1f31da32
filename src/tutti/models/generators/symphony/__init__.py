"""Symphony (Daigavane et al., ICLR 2024): autoregressive, E(3)-equivariant, spherical-harmonic positions."""

from tutti.models.generators.symphony.config import Config, Sampling
from tutti.models.generators.symphony.model import Symphony as MODEL

__all__ = ["COMPLETES", "MODEL", "Config", "Sampling"]

COMPLETES = True
"""It can go on from a part of a molecule."""
