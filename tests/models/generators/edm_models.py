"""Small EDMs in float64, molecules for them, and the noise schedule once more."""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from tutti.core.structures import Structures
from tutti.models.generators.edm import MODEL, Config
from tutti.models.generators.edm.model import EDM, DiffusionBatch
from tutti.models.generators.edm.parametrisation import Prediction

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


DATA = {"parametrisation": "data", "schedule": "cosine", "shift": 3.0, "distances": "gaussians"}
"""All named options."""


def model(timesteps: int = 20, structures: Structures = MOLECULES, **options: object) -> EDM:
    torch.manual_seed(0)
    config = Config(timesteps=timesteps, layers=2, channels=8, max_size=6, **options)
    made = MODEL(config).double().eval()
    with torch.no_grad():
        for block in made.network.blocks:
            block.weight_out.weight.mul_(500.0)  # which starts next to 0
    made.fit_statistics(structures)
    return made


def schedule(timesteps: int, **options: object) -> tuple[np.ndarray, np.ndarray]:
    """α and σ by the formula; of "polynomial" only the last step is clipped."""
    t = np.arange(timesteps + 1) / timesteps
    if options.get("schedule") == "cosine":
        square = 1 / (1 + (np.tan(np.pi / 2 * t) / options["shift"]) ** 2)
    else:
        square = (1 - t**2) ** 2
        square[-1] = 1e-3 * square[-2]
    square = (1 - 2e-5) * square + 1e-5
    return np.sqrt(square), np.sqrt(1 - square)


def predicting(function: Callable[..., tuple[Tensor, Tensor]]) -> Callable[..., Prediction]:
    """What stands for `EDM.denoise` and predicts `function`(x, h, times) as noise."""
    return lambda z, *rest: Prediction(*function(z.x, z.h, z.times), None)


def at_time(edm, batch: DiffusionBatch, t: int) -> DiffusionBatch:
    """The same molecules and noise at time t."""
    values = {name: getattr(edm.schedule, name) for name in ("alpha", "sigma", "weights")}
    constant = {name: torch.full_like(batch.alpha, float(v[t])) for name, v in values.items()}
    return dataclasses.replace(batch, times=torch.full_like(batch.times, t), **constant)
