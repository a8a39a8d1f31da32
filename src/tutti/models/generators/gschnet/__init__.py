"""G-SchNet (Gebauer et al., NeurIPS 2019): autoregressive, invariant, distances that all atoms vote on."""

from tutti.models.generators.gschnet.config import Config, Sampling
from tutti.models.generators.gschnet.model import GSchNet as MODEL

__all__ = ["COMPLETES", "MODEL", "Config", "Sampling"]

COMPLETES = True
"""It can go on from a part of a molecule."""
