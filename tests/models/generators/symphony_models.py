"""Small Symphony models in float64 and molecules for them."""

import numpy as np
import torch

from tutti.core.structures import Structures
from tutti.models.generators.symphony import MODEL, Config, Sampling
from tutti.models.generators.symphony.config import FocusConfig, PositionConfig
from tutti.models.generators.symphony.model import Symphony

SMALL_GRID = Sampling(polar=30, azimuths=59, max_atoms=9)


def config(
    radius: str = "grid",
    quadrature: tuple[int, int] = (30, 59),
    species_product: str = "elementwise",
    **settings: object,
) -> Config:
    position = PositionConfig(
        lmax=3, channels=6, layers=2, radial_hidden=8, species_channels=4, radius=radius, n_radii=7,
        spline_bins=5, polar=quadrature[0], azimuths=quadrature[1], species_product=species_product,
    )  # fmt: skip
    focus = FocusConfig(lmax=1, channels=6, filters=4, layers=2, n_gaussians=6, hidden=8)
    return Config(elements=("H", "C", "O"), focus=focus, position=position, **settings)


def model(radius: str = "grid", **settings: object) -> Symphony:
    torch.manual_seed(0)
    made = MODEL(config(radius, **settings)).double().eval()
    with torch.no_grad():
        # Signals of about the same height with every head.
        for name, parameter in made.position_head.named_parameters():
            parameter.mul_(0.3 if "product.linear" in name else 2.0)
    return made


def molecules(n: int = 6) -> Structures:
    rng = np.random.default_rng(0)
    numbers = [[6, 8, 1, 1, 1, 1], [1, 1], [8, 1, 1], [6, 6, 8, 1, 1, 1, 1], [8], [6, 1, 1, 1, 1]]
    return Structures.from_frames([(z, 1.8 * rng.random((len(z), 3))) for z in numbers[:n]])
