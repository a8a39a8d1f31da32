"""Errors of energies and forces, or of a property, on structures with known ones."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from tutti.core import elements, units
from tutti.core.properties import KEYS
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.statistics import errors
from tutti.statistics.estimate import Estimate, Row, table_of

BOOTSTRAP = "force field errors"
"""Purpose of the random streams."""

Estimator = Callable[[errors.Differences, np.random.Generator], Estimate]

SHOWN_IN = {"zpve": "meV"}
"""Unit of errors, where papers do not use that of the column."""

MEV = 1000.0


def table(
    reference: Structures,
    predicted: Structures,
    *,
    target: str,
    model: str,
    dataset: str,
    seed: int,
    subset: str = "test",
    remark: str = "",
) -> pd.DataFrame:
    """Mean absolute and root-mean-square errors with 95 % bootstrap intervals over structures.

    For the target "energy": `energy_mae`, `energy_rmse` (meV), `energy_mae_per_atom` (meV/atom), and where
    the reference has forces `force_mae` and `force_rmse` (meV/Å, over all components), all with the given
    subset; and `force_mae_by_element` with subsets such as `test: C` where there are several elements. For a
    property: `mae` and `rmse` with the property as subset (`train: homo` for others than the test set), in
    the unit of `tutti.core.properties`, or that of `SHOWN_IN`.

    Args:
        reference: the structures with their known values.
        predicted: what `tutti.models.forcefields.predictions.predict` gives for them.
        target: what the model was trained on.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table, and of the bootstrap.
        subset: which part of the dataset this is.
        remark: for the notes of energies, such as how they were aligned.

    Raises:
        ValueError: when the two are not the same structures, or one lacks the target.
    """
    if target == "energy":
        rows = _energies(reference, predicted, subset, seed, remark)
        rows += _forces(reference, predicted, subset, seed)
    else:
        rows = _property(reference, predicted, target, subset, seed)
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def error_row(
    metric: str,
    subset: str,
    differences: errors.Differences,
    estimator: Estimator,
    unit: str,
    seed: int,
    scale: float = 1.0,
    remark: str = "",
) -> Row:
    """The row of one kind of error.

    Args:
        metric: of the row.
        subset: of the row.
        differences: predictions minus references.
        estimator: of `tutti.statistics.errors`.
        unit: of the row.
        seed: of the bootstrap.
        scale: factor from the differences' unit to the row's.
        remark: for the note.
    """
    found = estimator(differences, numpy_generator(seed, BOOTSTRAP)).scaled(scale)
    return errors.row_of(metric, subset, found, unit, differences, remark=remark)


def _energies(reference: Structures, predicted: Structures, subset: str, seed: int, remark: str) -> list[Row]:
    total = errors.of_energies(reference, predicted)
    per_atom = errors.of_energies(reference, predicted, per_atom=True)
    found = {
        "energy_mae": (total, errors.mean_absolute, "meV"),
        "energy_rmse": (total, errors.root_mean_squared, "meV"),
        "energy_mae_per_atom": (per_atom, errors.mean_absolute, "meV/atom"),
    }
    return [error_row(metric, subset, *kind, seed, MEV, remark=remark) for metric, kind in found.items()]


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
