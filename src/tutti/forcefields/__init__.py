"""Neural force fields: one module per model, behind the interface of `tutti.forcefields.base`."""

from pathlib import Path

import torch

from tutti import models
from tutti.environment import choose_accelerator
from tutti.forcefields.base import ForceField


def load(directory: str | Path, accelerator: str = "auto") -> ForceField:
    """The trained force field in a folder that `Model.save` wrote, ready for predictions.

    Example: `tutti.forcefields.load("results/demo/train/ethanol/painn_demo/seed0")`

    Args:
        directory: holds weights.safetensors and config.json.
        accelerator: "auto", "cpu" or "cuda".

    Raises:
        FileNotFoundError, ValueError: see `tutti.models.load`; also when the model is no force field.
    """
    model = models.load(directory, torch.device(choose_accelerator(accelerator)))
    if not isinstance(model, ForceField):
        raise ValueError(f"{directory}: '{model.module}' is no force field")
    return model.requires_grad_(False)
