"""All questions to one calculator, and the file of its answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import ase
import numpy as np
from ase.calculators.calculator import BaseCalculator

from tutti.benchmark.forcefields.physics import curves, cutoff, diatomics, gradient, scans, whole
from tutti.benchmark.forcefields.physics.curves import Curve
from tutti.benchmark.forcefields.physics.settings import PhysicsConfig
from tutti.benchmark.forcefields.simulations import force_field, reference_calculator
from tutti.core import json_text
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.models.base import CONFIG

SEED = 0
"""All calculators are asked at the same places."""


def probe(
    calculator: BaseCalculator,
    frames: Sequence[ase.Atoms],
    numbers: Sequence[int],
    config: PhysicsConfig,
    range_: float | None = None,
    free: Mapping[str, float] | None = None,
) -> list[Curve]:
    """What a calculator says.

    Args:
        calculator: of ASE, for any of the elements.
        frames: of the data.
        numbers: atomic numbers whose pairs are looked at.
        config: what is asked.
        range_: Å, the calculator's cutoff; None: not known.
        free: energies of isolated atoms in the data by symbol, eV.
    """
    generator = numpy_generator(SEED, "physics of force fields")
    radius = config.cutoff or range_
    return [
        gradient.probe(calculator, frames, config.points, generator),
        *whole.probe(calculator, frames, config.most_atoms, generator),
        *diatomics.probe(calculator, numbers, radius, free or {}),
        cutoff.probe(calculator, frames, radius, generator),
        *scans.probe(calculator, config.scans),
    ]


def probe_to_file(
    config: PhysicsConfig,
    structures: Structures,
    splits: Splits,
    weights: Path | None,
    method: str,
    out: Path,
) -> None:
    """Ask the force field in the folder `weights`, or xTB, and write the answers to `out` (.parquet).

    Raises:
        ValueError: when the test split is empty, or see `scans.load`.
    """
    if not len(splits.test):
        raise ValueError("the test split is empty: force fields are looked at around its structures")
    chosen = splits.test[np.unique(np.linspace(0, len(splits.test) - 1, config.frames).round().astype(int))]
    calculator = reference_calculator(method) if weights is None else force_field(weights)
    numbers = np.unique(structures.numbers).tolist()
    range_ = None if weights is None else cutoff_of(weights)
    found = probe(
        calculator, list(structures[chosen].to_ase()), numbers, config, range_, structures.free_atoms
    )
    curves.write(found, out)


def cutoff_of(weights: Path) -> float | None:
    """Å, of the force field in a folder; None where its configuration says none."""
    return json_text.read(weights / CONFIG).get("config", {}).get("cutoff")
