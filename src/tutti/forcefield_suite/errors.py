"""Errors of energies and forces, or of a property, on structures with known ones."""

import numpy as np
import pandas as pd

from tutti import elements, units
from tutti.dynamics.analysis.blocks import tidy
from tutti.forcefield_suite.rows import error_row
from tutti.keys import KEYS
from tutti.metrics import errors
from tutti.structures import Structures

SHOWN_IN = {"zpve": "meV"}
"""Unit of errors, where papers do not use that of the column."""

MEV = 1000.0
Row = dict[str, object]


def table(
    reference: Structures,
    predicted: Structures,
    *,
    target: str,
    model: str,
    dataset: str,
    seed: int,
    subset: str = "test",
) -> pd.DataFrame:
    """Mean absolute and root-mean-square errors with 95 % bootstrap intervals over structures.

    For the target "energy": `energy_mae`, `energy_rmse` (meV), `energy_mae_per_atom` (meV/atom), and where
    the reference has forces `force_mae` and `force_rmse` (meV/Å, over all components), all with the given
    subset; and `force_mae_by_element` with subsets such as `test: C` where there are several elements. For a
    property: `mae` and `rmse` with the property as subset (`train: homo` for others than the test set), in
    the unit of `tutti.keys`, or that of `SHOWN_IN`.

    Args:
        reference: the structures with their known values.
        predicted: what `tutti.forcefields.predictions.predict` gives for them.
        target: what the model was trained on.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table, and of the bootstrap.
        subset: which part of the dataset this is.

    Raises:
        ValueError: when the two are not the same structures, or one lacks the target.
    """
    if target == "energy":
        rows = _energies(reference, predicted, subset, seed) + _forces(reference, predicted, subset, seed)
    else:
        rows = _property(reference, predicted, target, subset, seed)
    return tidy(rows, model=model, dataset=dataset, seed=seed)


def _energies(reference: Structures, predicted: Structures, subset: str, seed: int) -> list[Row]:
    total = errors.of_energies(reference, predicted)
    per_atom = errors.of_energies(reference, predicted, per_atom=True)
    return [
        error_row("energy_mae", subset, total, errors.mean_absolute, "meV", seed, MEV),
        error_row("energy_rmse", subset, total, errors.root_mean_squared, "meV", seed, MEV),
        error_row("energy_mae_per_atom", subset, per_atom, errors.mean_absolute, "meV/atom", seed, MEV),
    ]


def _forces(reference: Structures, predicted: Structures, subset: str, seed: int) -> list[Row]:
    if reference.forces is None:
        return []
    total = errors.of_forces(reference, predicted)
    found = [
        error_row("force_mae", subset, total, errors.mean_absolute, "meV/Å", seed, MEV),
        error_row("force_rmse", subset, total, errors.root_mean_squared, "meV/Å", seed, MEV),
    ]
    numbers = np.unique(reference.numbers).tolist()
    for z in numbers if len(numbers) > 1 else []:
        name = f"{subset}: {elements.symbol(z)}"
        of_element = errors.of_forces(reference, predicted, z)
        found.append(
            error_row("force_mae_by_element", name, of_element, errors.mean_absolute, "meV/Å", seed, MEV)
        )
    return found


def _property(reference: Structures, predicted: Structures, target: str, subset: str, seed: int) -> list[Row]:
    name = target if subset == "test" else f"{subset}: {target}"
    unit = SHOWN_IN.get(target, KEYS[target].unit)
    scale = units.factor(KEYS[target].unit, unit)
    differences = errors.of_property(reference, predicted, target)
    return [
        error_row("mae", name, differences, errors.mean_absolute, unit, seed, scale),
        error_row("rmse", name, differences, errors.root_mean_squared, unit, seed, scale),
    ]
