"""What a trained force field says of a set of structures."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tutti.core.files import sha256
from tutti.core.progress import Progress
from tutti.core.properties import KEYS
from tutti.core.structures import Structures
from tutti.models import base, forcefields
from tutti.models.forcefields.base import ForceField
from tutti.models.forcefields.batch import AtomicBatch


def predict(model: ForceField, structures: Structures, batch_size: int) -> Structures:
    """The structures with the model's energies and forces, or its property, in place of the reference's.

    Args:
        model: on any device, in eval mode.
        structures: need no energies or forces.
        batch_size: structures at a time: it decides the memory that is needed, and nothing else.

    Raises:
        ValueError: for elements that the model does not know, coordinates that are not finite, a periodic
            cell without volume, or a batch size that is not positive.
    """
    if batch_size <= 0:
        raise ValueError(f"batch_size ({batch_size}) must be positive")
    model.check_elements(structures)
    target = model.config.target
    if target == "energy":
        energies = np.empty(len(structures))
        forces = np.empty_like(structures.positions, dtype=float)
        for rows, part in _parts(structures, batch_size):
            found = model.energy_and_forces(_batch(model, part))
            energies[rows] = found.energy.cpu().numpy()
            atoms = slice(structures.offsets[rows.start], structures.offsets[rows.stop])
            forces[atoms] = found.forces.cpu().numpy()
        return replace(structures, energy=energies, forces=forces)
    values = np.empty(len(structures))
    for rows, part in _parts(structures, batch_size):
        with torch.no_grad():
            values[rows] = model.properties(_batch(model, part)).cpu().numpy()
    return structures.with_columns({target: KEYS[target].unit}, **{target: values})


def predict_to_file(
    weights: str | Path, structures: Structures, out: str | Path, batch_size: int, accelerator: str = "auto"
) -> None:
    """Write what `predict` gives to `out` (.npz of `Structures`), atomically.

    Args:
        weights: folder that `Model.save` wrote; its hash goes into the result's `source`.
        structures: see `predict`.
        out: the file.
        batch_size: structures at a time.
        accelerator: "auto", "cpu" or "cuda".

    Raises:
        FileNotFoundError, ValueError: see `tutti.models.forcefields.load` and `predict`.
    """
    model = forcefields.load(weights, accelerator)
    predicted = predict(model, structures, batch_size)
    origin = f"{model.config.target} predicted by {model.module}"
    origin = f"{origin}, weights sha256:{sha256(Path(weights) / base.WEIGHTS)}"
    source = "; ".join(filter(None, [structures.source, origin]))
    replace(predicted, source=source).save(out)


def _parts(structures: Structures, batch_size: int) -> Iterator[tuple[slice, Structures]]:
    """Rows and structures of each batch; only one batch's neighbours are kept at a time."""
    progress = Progress("predict", len(structures))
    for start in range(0, len(structures), batch_size):
        rows = slice(start, min(start + batch_size, len(structures)))
        yield rows, structures[rows]
        progress.update(rows.stop - rows.start)
    progress.close()


def _batch(model: ForceField, structures: Structures) -> AtomicBatch:
    return model.collate(structures, np.arange(len(structures))).to(model.device)
