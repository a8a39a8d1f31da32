"""Energies of another code on the scale of the data: codes and methods differ in what an atom's energy is."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tutti.core import elements, ragged
from tutti.core.structures import Structures
from tutti.models.forcefields.config import ForceFieldConfig
from tutti.models.forcefields.external import ExternalCalculator, describe
from tutti.models.forcefields.predictions import predict
from tutti.models.forcefields.statistics import Statistics
from tutti.models.species import Species


def shifts(reference: Structures, predicted: Structures) -> dict[str, float]:
    """eV by symbol to add for each atom, so that the predicted energies are closest to the reference's.

    The least-squares solution of smallest norm: where all structures have the same composition, only the sum
    of the shifts matters. Forces have no part in it.

    Args:
        reference: N structures with energies.
        predicted: the same ones.

    Raises:
        ValueError: when one has no energies, or an energy that is not finite.
    """
    for name, side in (("the data", reference), ("the predictions", predicted)):
        if side.energy is None:
            raise ValueError(f"{name} have no energies to align: {side.source or 'no source'}")
    broken = np.flatnonzero(~np.isfinite(predicted.energy))
    if len(broken):
        raise ValueError(f"the predicted energy of structure {broken[0]} is {predicted.energy[broken[0]]}")
    differences = replace(reference, energy=reference.energy - predicted.energy, forces=None)
    symbols = [elements.symbol(z) for z in np.unique(reference.numbers).tolist()]
    config = ForceFieldConfig(elements=tuple(symbols), references="least_squares")
    fitted = Statistics.of(differences, Species(config.elements), config).references
    return dict(zip(symbols, fitted.tolist(), strict=True))


def aligned(reference: Structures, predicted: Structures) -> tuple[Structures, int]:
    """Predictions with `shifts` fitted to the same structures, and how many numbers those are.

    Args:
        reference: N structures with energies.
        predicted: the same ones.

    Returns:
        The predictions, and the rank of the fit: 1 where all structures have the same composition. As many
        as structures leave nothing of the energies' errors.

    Raises:
        ValueError: see `shifts`.
    """
    fitted, owners = shifts(reference, predicted), ragged.owners(reference.n_atoms)
    counts = np.stack(
        [
            np.bincount(owners[reference.numbers == elements.NUMBERS[symbol]], minlength=len(reference))
            for symbol in fitted
        ],
        axis=1,
    )
    energy = predicted.energy + counts @ np.array(list(fitted.values()))
    return replace(predicted, energy=energy), int(np.linalg.matrix_rank(counts))


def make_folder(
    factory: str, arguments: Mapping[str, Any], structures: Structures, folder: str | Path
) -> None:
    """Write the folder of a calculator, its energies aligned to those of a training split.

    Args:
        factory: `module:callable` that gives an ASE calculator.
        arguments: of the call.
        structures: with energies.
        folder: where config.json is written.

    Raises:
        ModuleNotFoundError, ValueError: see `ExternalCalculator`, `predict` and `shifts`.
    """
    external = describe(factory, arguments)
    predicted = predict(ExternalCalculator(external), structures)
    replace(external, shifts=shifts(structures, predicted), fitted_on=len(structures)).save(folder)
