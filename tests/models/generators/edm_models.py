"""Small EDMs in float64, molecules for them, and the noise schedule once more."""

import numpy as np
import torch

from tutti.core.structures import Structures
from tutti.models.generators.edm import MODEL, Config
from tutti.models.generators.edm.model import EDM

WATER = ([8, 1, 1], [[0.0, 0.0, 0.12], [0.0, 0.76, -0.47], [0.0, -0.76, -0.47]])
MOLECULES = Structures.from_frames(
    [
        WATER,
        ([1, 1], [[0.0, 0.0, 0.0], [0.74, 0.0, 0.0]]),
        ([6, 8], [[5.0, 1.0, 0.0], [6.1, 1.2, 0.1]]),
        ([9], [[3.0, 0.0, 0.0]]),
        ([7, 1, 1, 1], [[0.0, 0.0, 0.1], [0.9, 0.0, -0.3], [-0.5, 0.8, -0.3], [-0.5, -0.8, -0.3]]),
    ]
)


def model(timesteps: int = 20, structures: Structures = MOLECULES) -> EDM:
    torch.manual_seed(0)
    config = Config(timesteps=timesteps, layers=2, channels=8, max_size=6)
    made = MODEL(config).double().eval()
    with torch.no_grad():
        for block in made.network.blocks:
            block.weight_out.weight.mul_(500.0)  # which starts next to 0
    made.fit_statistics(structures)
    return made


def schedule(timesteps: int) -> tuple[np.ndarray, np.ndarray]:
    """α and σ by the formula; only the last step is clipped."""
    square = (1 - (np.arange(timesteps + 1) / timesteps) ** 2) ** 2
    square[-1] = 1e-3 * square[-2]
    square = (1 - 2e-5) * square + 1e-5
    return np.sqrt(square), np.sqrt(1 - square)
