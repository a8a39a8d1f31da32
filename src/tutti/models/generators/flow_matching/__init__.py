"""Equivariant flow matching (Lipman et al. 2023; Klein et al. 2023; Song et al. 2023)."""

from tutti.models.generators.flow_matching.config import Config, Sampling
from tutti.models.generators.flow_matching.model import FlowMatching as MODEL

__all__ = ["MODEL", "Config", "Sampling"]
