"""EDM (Hoogeboom, Garcia Satorras, Vignac and Welling, ICML 2022): equivariant diffusion."""

from tutti.models.generators.edm.config import Config, Sampling
from tutti.models.generators.edm.model import EDM as MODEL

__all__ = ["MODEL", "Config", "Sampling"]
