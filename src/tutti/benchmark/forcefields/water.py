"""The study of liquid water in four conditions: mean squared errors and the loss made of them."""

import numpy as np
import pandas as pd

from tutti.benchmark import published
from tutti.benchmark.forcefields.errors import BOOTSTRAP, error_row
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.statistics import errors
from tutti.statistics.estimate import Row, table_of

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

    Energies are of the whole cell of 48 atoms: `mse_energy` in eV², `rmse_energy` in eV. Forces are over all
    components: `mse_forces` in (eV/Å)², `rmse_forces` in eV/Å. `loss_total` is `energy_weight` · `mse_energy`
    + `mse_forces`, as in the published study, in (eV/Å)²; training minimises `energy_weight` · `mse_energy` +
    3 · `mse_forces`, for it sums the components of a force (`tutti.models.forcefields.config.Loss`).

    The published study names no units, so that its numbers stand in the notes and not beside ours: the root
    of its `mse_forces` would be 20 meV/Å, or 1.04 eV/Å if it is in Hartree/bohr, as n2p2's files are; forces
    themselves have 0.75 eV/Å here, in GFN1-xTB.

    Args:
        reference: the structures with energies and forces.
        predicted: what `tutti.models.forcefields.predictions.predict` gives for them.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table, and of the bootstrap.
        subset: "train" or "test".
        energy_weight: ρ of the loss, Å⁻².
        condition: of the published study, as it is called there (`STANDARD`, "gaussians=150", "features=32",
            "blocks=6"), for the notes.

    Raises:
        ValueError: when the two are not the same structures, or one has no energies or forces.
    """
    energies = errors.of_energies(reference, predicted)
    forces = errors.of_forces(reference, predicted)
    kinds = {
        "mse_energy": (energies, errors.mean_squared, "eV²"),
        "rmse_energy": (energies, errors.root_mean_squared, "eV"),
        "mse_forces": (forces, errors.mean_squared, "(eV/Å)²"),
        "rmse_forces": (forces, errors.root_mean_squared, "eV/Å"),
    }
    rows = [
        error_row(metric, subset, *kind, seed, remark=_remark(metric, subset, condition))
        for metric, kind in kinds.items()
    ]
    remark = _remark("loss_total", subset, condition)
    rows.append(_loss(energies, forces, energy_weight, subset, seed, remark))
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def _loss(
    energies: errors.Differences,
    forces: errors.Differences,
    weight: float,
    subset: str,
    seed: int,
    remark: str,
) -> Row:
    sums = np.stack([energies.squared, forces.squared], axis=1)
    found = errors.interval(
        sums, lambda means: weight * means[..., 0] + means[..., 1], numpy_generator(seed, BOOTSTRAP)
    )
    said = f"ρ = {weight:g} Å⁻²"
    remark = f"{said}; {remark}" if remark else said
    return errors.row_of("loss_total", subset, found, "(eV/Å)²", energies, forces, remark=remark)


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
