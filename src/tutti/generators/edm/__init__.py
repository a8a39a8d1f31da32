"""EDM (Hoogeboom, Garcia Satorras, Vignac and Welling, ICML 2022): equivariant diffusion."""

from tutti.generators.edm.config import Config, Sampling
from tutti.generators.edm.model import EDM as MODEL

__all__ = ["MODEL", "Config", "Sampling"]
