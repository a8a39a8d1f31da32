"""The study of liquid water in four conditions: mean squared errors and the loss made of them."""

import numpy as np
import pandas as pd

from tutti import published
from tutti.dynamics.analysis.blocks import tidy
from tutti.forcefield_suite.rows import BOOTSTRAP, error_row, estimate_row
from tutti.metrics import errors
from tutti.randomness import numpy_generator
from tutti.structures import Structures

PUBLISHED_DATASET = "water16_b3lyp"
STANDARD = "features=64,gaussians=300,blocks=3"


def table(
    reference: Structures,
    predicted: Structures,
    *,
    model: str,
    dataset: str,
    seed: int,
    subset: str,
    energy_weight: float = 0.1,
    condition: str = "",
) -> pd.DataFrame:
    """`mse_energy`, `rmse_energy`, `mse_forces`, `rmse_forces` and `loss_total`, with bootstrap intervals.

    Energies are of the whole cell, in eV; forces in eV/Å, over all components; `loss_total` is
    `energy_weight` · `mse_energy` + `mse_forces`. The published study names no units, so that its numbers
    stand in the notes and not beside ours.

    Args:
        reference: the structures with energies and forces.
        predicted: what `tutti.forcefields.predictions.predict` gives for them.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table, and of the bootstrap.
        subset: "train" or "test".
        energy_weight: ρ of the loss.
        condition: of the published study, as it is called there (`STANDARD`, "gaussians=150", "features=32",
            "blocks=6"), for the notes.

    Raises:
        ValueError: when the two are not the same structures, or one has no energies or forces.
    """
    energies = errors.of_energies(reference, predicted)
    forces = errors.of_forces(reference, predicted)
    rows = [
        error_row("mse_energy", subset, energies, errors.mean_squared, "eV²", seed),
        error_row("rmse_energy", subset, energies, errors.root_mean_squared, "eV", seed),
        error_row("mse_forces", subset, forces, errors.mean_squared, "(eV/Å)²", seed),
        error_row("rmse_forces", subset, forces, errors.root_mean_squared, "eV/Å", seed),
        _loss(energies, forces, energy_weight, subset, seed),
    ]
    for each in rows:
        remark = _remark(str(each["metric"]), subset, condition)
        each["note"] = "; ".join(filter(None, [str(each["note"]), remark]))
    return tidy(rows, model=model, dataset=dataset, seed=seed)


def _loss(
    energies: errors.Differences, forces: errors.Differences, weight: float, subset: str, seed: int
) -> dict[str, object]:
    sums = np.stack([energies.squared, forces.squared], axis=1)
    found = errors.interval(
        sums, lambda means: weight * means[..., 0] + means[..., 1], numpy_generator(seed, BOOTSTRAP)
    )
    return estimate_row("loss_total", subset, found, "eV², (eV/Å)²", energies, forces)


def _remark(metric: str, subset: str, condition: str) -> str:
    """What the published study gives for this row, if it does."""
    theirs = published.numbers()
    theirs = theirs[(theirs["dataset"] == PUBLISHED_DATASET) & (theirs["metric"] == metric)]
    named = (theirs["subset"] == condition) & (subset == "test")
    if condition == STANDARD:
        named = theirs["subset"] == subset
    return "; ".join(
        f"the published study has {value:g}, without a unit: {source}"
        for value, source in zip(theirs.loc[named, "value"], theirs.loc[named, "source"], strict=True)
    )
