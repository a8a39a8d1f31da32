"""Energies and forces of many structures from any ASE calculator, which may fail at some of them."""

from dataclasses import dataclass

import ase
import numpy as np
from ase.calculators.calculator import BaseCalculator

ATOMS = 2000
"""At most so many atoms in a batch, of calculators that take batches."""


@dataclass(frozen=True)
class Answers:
    """Of B structures.

    Attributes:
        energy: [B], eV; NaN where the calculator failed.
        forces: [B, n, 3], eV/Å; NaN likewise.
        failure: why the first of those failed; empty when none did.
    """

    energy: np.ndarray
    forces: np.ndarray
    failure: str


def ask(calculator: BaseCalculator, atoms: ase.Atoms, positions: np.ndarray) -> Answers:
    """Energies and forces of the same atoms at B places.

    In batches where the calculator has `energies_and_forces`. Whatever it raises at a place, which may be one
    where no atoms can be, is that place's failure.

    Args:
        calculator: of ASE.
        atoms: elements, cell and periodicity.
        positions: [B, n, 3], Å.
    """
    energy, forces = np.full(len(positions), np.nan), np.full(positions.shape, np.nan)
    failures: list[str] = []
    step = max(ATOMS // max(len(atoms), 1), 1) if hasattr(calculator, "energies_and_forces") else 1
    for start in range(0, len(positions), step):
        batch = slice(start, start + step)
        try:
            energy[batch], forces[batch] = _batch(calculator, atoms, positions[batch])
        except Exception:  # of any calculator: structures of a batch that fails are asked for one by one
            for k in range(len(positions))[batch]:
                energy[k], forces[k], failure = _single(calculator, atoms, positions[k])
                failures.append(failure)
    broken = ~(np.isfinite(energy) & np.isfinite(forces).all(axis=(1, 2)))
    energy[broken], forces[broken] = np.nan, np.nan
    reasons = [*filter(None, failures), *(["not finite"] if broken.any() else [])]
    return Answers(energy, forces, reasons[0] if reasons else "")


def ask_of(calculator: BaseCalculator, atoms: ase.Atoms) -> Answers:
    """The same of one structure as it is: B = 1."""
    return ask(calculator, atoms, atoms.positions[None])


def _batch(
    calculator: BaseCalculator, atoms: ase.Atoms, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    if hasattr(calculator, "energies_and_forces"):
        return calculator.energies_and_forces(atoms, positions)
    moved = atoms.copy()
    moved.positions = positions[0]
    forces = calculator.get_forces(moved)
    return np.array([calculator.get_potential_energy(moved)]), forces[None]


def _single(
    calculator: BaseCalculator, atoms: ase.Atoms, positions: np.ndarray
) -> tuple[float, np.ndarray, str]:
    try:
        energy, forces = _batch(calculator, atoms, positions[None])
    except Exception as error:  # see `ask`
        if hasattr(calculator, "reset"):
            calculator.reset()
        line = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        return np.nan, np.full(positions.shape, np.nan), line.replace(";", ",")
    return float(energy[0]), forces[0], ""
