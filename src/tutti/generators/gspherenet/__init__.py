"""G-SphereNet (Luo and Ji, ICLR 2022): autoregressive, flows of distances, angles and torsions."""

from tutti.generators.gspherenet.config import Config, Sampling
from tutti.generators.gspherenet.model import GSphereNet as MODEL

__all__ = ["MODEL", "Config", "Sampling"]
