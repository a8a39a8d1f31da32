"""What a model says of a few molecules, in float64: numbers that tell when code changes what weights mean."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.models import base
from tutti.models.base import Generator
from tutti.models.forcefields.predictions import predict

MOLECULES = 3
SEED = 0


def of(folder: Path, molecules: Structures) -> dict[str, Any]:
    """The molecules, and what the model in a folder says of them.

    Energies (eV) and forces (eV/Å) of a force field; of a generator the loss of its training.
    """
    found = {
        "numbers": [molecules.frame(i)[0].tolist() for i in range(len(molecules))],
        "positions": [molecules.frame(i)[1].tolist() for i in range(len(molecules))],
    }
    return found | _said(base.load(folder).double(), molecules)


def again(folder: Path, check: dict[str, Any]) -> dict[str, Any]:
    """The same of the molecules in a record."""
    return of(folder, Structures.from_frames(_frames(check)))


def bare(molecules: Structures) -> Structures:
    """Elements and positions alone."""
    return Structures(molecules.n_atoms, molecules.numbers, molecules.positions)


def _frames(check: dict[str, Any]) -> list[tuple[np.ndarray, np.ndarray]]:
    pairs = zip(check["numbers"], check["positions"], strict=True)
    return [(np.array(numbers, np.uint8), np.array(positions)) for numbers, positions in pairs]


def _said(model: base.Model, molecules: Structures) -> dict[str, Any]:
    if isinstance(model, Generator):
        rng = numpy_generator(SEED, "shipped weights")
        batch = model.collate_validation(molecules, np.arange(len(molecules)), rng)
        with torch.no_grad():
            return {"loss": float(model.training_step(batch)[0])}
    predicted = predict(model, molecules, len(molecules))
    return {"energy": predicted.energy.tolist(), "forces": predicted.forces.tolist()}
