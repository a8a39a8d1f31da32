"""G-SchNet (Gebauer et al., NeurIPS 2019): autoregressive, invariant, distances that all atoms vote on."""

from tutti.generators.gschnet.config import Config, Sampling
from tutti.generators.gschnet.model import GSchNet as MODEL

__all__ = ["MODEL", "Config", "Sampling"]
