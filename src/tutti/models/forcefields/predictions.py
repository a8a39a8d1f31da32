"""What a force field, trained here or of another code, says of a set of structures."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from ase.calculators.calculator import CalculatorError
from ase.stress import voigt_6_to_full_3x3_stress

from tutti.core.files import sha256
from tutti.core.progress import Progress
from tutti.core.properties import KEYS
from tutti.core.structures import Structures
from tutti.models import base, forcefields
from tutti.models.forcefields.base import ForceField
from tutti.models.forcefields.batch import AtomicBatch
from tutti.models.forcefields.external import External, ExternalCalculator, factory_of

STRESS = "stress"
"""Column of stresses: the nine numbers of the matrix, as ASE has them in extended xyz."""

OF_THE_REFERENCE = ("free_energy", STRESS)
"""Columns that ASE's files bring, and that would be false beside another method's energies."""

Found = tuple[np.ndarray, np.ndarray, np.ndarray | None]
"""Energies [B] (eV), forces [atoms, 3] (eV/Å) and stresses [B, 3, 3] (eV/Å³) of a batch."""


def open_model(folder: str | Path, accelerator: str = "auto") -> ForceField | ExternalCalculator:
    """What is in a folder: a force field of any target that was trained here, or another code's calculator.

    Args:
        folder: holds config.json, and of a trained force field weights.safetensors.
        accelerator: "auto", "cpu" or "cuda", for what was trained here.

    Raises:
        FileNotFoundError, ModuleNotFoundError, ValueError: see `tutti.models.forcefields.load`,
            `External.load` and `ExternalCalculator`.
    """
    if factory_of(folder) is not None:
        return ExternalCalculator(External.load(folder))
    return forcefields.load(folder, accelerator)


def predict(
    model: ForceField | ExternalCalculator, structures: Structures, batch_size: int = 1
) -> Structures:
    """The structures with the model's energies and forces, or its property, in place of the reference's.

    Periodic structures also have the column `stress` (eV/Å³, nine numbers, ASE's sign), where the model has
    one; it is NaN for those between them that are not periodic.

    Args:
        model: on any device, in eval mode; or a calculator.
        structures: need no energies or forces.
        batch_size: structures at a time, of a model: it decides the memory that is needed, and nothing else.

    Raises:
        ValueError: for elements that the model does not know, coordinates that are not finite, a periodic
            cell without volume, a batch size that is not positive, or a calculation that failed.
    """
    if batch_size <= 0:
        raise ValueError(f"batch_size ({batch_size}) must be positive")
    model.check_elements(structures)
    if isinstance(model, ForceField) and model.config.target != "energy":
        return _properties(model, structures, batch_size)
    energies = np.empty(len(structures))
    forces = np.empty_like(structures.positions, dtype=float)
    stresses = np.full((len(structures), 3, 3), np.nan)
    for rows, part in _parts(structures, batch_size):
        atoms = slice(structures.offsets[rows.start], structures.offsets[rows.stop])
        if isinstance(model, ForceField):
            energies[rows], forces[atoms], stress = _of_batch(model, part)
        else:
            energies[rows], forces[atoms], stress = _one_by_one(model, part, rows.start)
        if stress is not None:
            stresses[rows] = stress
    columns = {name: each for name, each in structures.columns.items() if name not in OF_THE_REFERENCE}
    predicted = replace(structures, energy=energies, forces=forces, columns=columns)
    stresses[~_periodic(structures)] = np.nan
    if np.isnan(stresses).all():
        return predicted
    return predicted.with_columns({STRESS: "eV/Å³"}, **{STRESS: stresses.reshape(-1, 9)})


def _properties(model: ForceField, structures: Structures, batch_size: int) -> Structures:
    target = model.config.target
    values = np.empty(len(structures))
    for rows, part in _parts(structures, batch_size):
        with torch.no_grad():
            values[rows] = model.properties(_batch(model, part)).cpu().numpy()
    return structures.with_columns({target: KEYS[target].unit}, **{target: values})


def predict_to_file(
    folder: str | Path, structures: Structures, out: str | Path, batch_size: int, accelerator: str = "auto"
) -> None:
    """Write what `predict` gives to `out` (.npz of `Structures`), atomically.

    Args:
        folder: of a trained model, or of a calculator; the result's `source` says which.
        structures: see `predict`.
        out: the file.
        batch_size: structures at a time.
        accelerator: "auto", "cpu" or "cuda".

    Raises:
        FileNotFoundError, ModuleNotFoundError, ValueError: see `open_model` and `predict`.
    """
    model = open_model(folder, accelerator)
    predicted = predict(model, structures, batch_size)
    source = "; ".join(filter(None, [structures.source, origin(model, folder)]))
    replace(predicted, source=source).save(out)


def origin(model: ForceField | ExternalCalculator, folder: str | Path | None = None) -> str:
    """In words, where predictions are from.

    Args:
        model: that made them.
        folder: where it is from; a calculator may be from none.
    """
    if isinstance(model, ForceField):
        weights = sha256(Path(folder) / base.WEIGHTS)
        return f"{model.config.target} predicted by {model.module}, weights sha256:{weights}"
    return f"energy predicted by {model.name}" + (f" {model.parameters}" if model.parameters else "")


def _of_batch(model: ForceField, structures: Structures) -> Found:
    found = model.energy_and_forces(_batch(model, structures))
    stress = None if found.stress is None else found.stress.cpu().numpy()
    return found.energy.cpu().numpy(), found.forces.cpu().numpy(), stress


def _one_by_one(calculator: ExternalCalculator, structures: Structures, first: int) -> Found:
    """The same of a calculator that takes one structure at a time; `first` is the number of the first one."""
    energies, forces, stresses = [], [np.empty((0, 3))], []
    stressed = _periodic(structures) & (STRESS in calculator.implemented_properties)
    for i, atoms in enumerate(structures.to_ase()):
        try:
            energies.append(float(calculator.get_potential_energy(atoms)))
            forces.append(calculator.get_forces(atoms))
            stresses.append(calculator.get_stress(atoms) if stressed[i] else np.full(6, np.nan))
        except CalculatorError as error:
            where = f"{structures.source or 'the structures'}: structure {first + i}"
            raise ValueError(f"{where}: {error}") from error
    stress = voigt_6_to_full_3x3_stress(np.array(stresses)) if stresses else None
    return np.array(energies), np.concatenate(forces), stress


def _periodic(structures: Structures) -> np.ndarray:
    """[N] bool: structures that are periodic in any direction, in a cell with a volume."""
    if structures.cell is None:
        return np.zeros(len(structures), bool)
    return structures.pbc.any(1) & (np.abs(np.linalg.det(structures.cell)) > 0)


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
