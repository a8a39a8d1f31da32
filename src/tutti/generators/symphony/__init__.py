"""Symphony (Daigavane et al., ICLR 2024): autoregressive, E(3)-equivariant, spherical-harmonic positions."""

from tutti.generators.symphony.config import Config, Sampling
from tutti.generators.symphony.model import Symphony as MODEL

__all__ = ["MODEL", "Config", "Sampling"]
