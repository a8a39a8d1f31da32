"""Neural force fields: one module per model, behind the interface of `tutti.models.forcefields.base`."""

from pathlib import Path

import torch

from tutti.core.devices import choose_accelerator
from tutti.models.base import load as load_model
from tutti.models.forcefields.base import ForceField


def load(directory: str | Path, accelerator: str = "auto") -> ForceField:
    """The trained force field in a folder that `Model.save` wrote, ready for predictions.

    Example: `tutti.models.forcefields.load("results/demo/train/ethanol/painn_demo/seed0")`

    Args:
        directory: holds weights.safetensors and config.json.
        accelerator: "auto", "cpu" or "cuda".

    Raises:
        FileNotFoundError, ValueError: see `tutti.models.base.load`; also when the model is no force field.
    """
    model = load_model(directory, torch.device(choose_accelerator(accelerator)))
    if not isinstance(model, ForceField):
        raise ValueError(f"{directory}: '{model.module}' is no force field")
    return model.requires_grad_(False)
