"""G-SphereNet (Luo and Ji, ICLR 2022): autoregressive, flows of distances, angles and torsions."""

from tutti.models.generators.gspherenet.config import Config, Sampling
from tutti.models.generators.gspherenet.model import GSphereNet as MODEL

__all__ = ["COMPLETES", "MODEL", "Config", "Sampling"]

COMPLETES = True
"""It can go on from a part of a molecule."""
