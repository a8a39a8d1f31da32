"""A calculator that notices when a simulation has lost its molecule."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.calculators.calculator import CalculationFailed, Calculator, all_changes

FARTHEST = 50.0
"""Å: an atom of a molecule that is farther than this from the mean of its atoms is lost."""
BEYOND = 1e5
"""Å: so is any coordinate beyond this, in a periodic system too."""


class LostError(Exception):
    """Positions or forces that no simulation can go on with; the message says what is wrong."""


class ExplosionError(Exception):
    """A simulation that cannot go on after `step` time steps; the message says why."""

    def __init__(self, reason: str, step: int) -> None:
        super().__init__(reason)
        self.step = step


class Guard(Calculator):
    """Another calculator's energy and forces, with `LostError` where they or the positions make no sense."""

    implemented_properties = ("energy", "forces")

    def __init__(self, calculator: Calculator) -> None:
        super().__init__()
        self.calculator = calculator

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Energy and forces.

        Raises:
            LostError: when a coordinate, the energy or a force is not finite, an atom of a molecule is
                farther than `FARTHEST` from the others, or the calculation failed.
        """
        super().calculate(atoms, properties, system_changes)
        check_positions(self.atoms.positions, self.atoms.pbc)
        try:
            forces = self.calculator.get_forces(self.atoms)
            energy = self.calculator.get_potential_energy(self.atoms)
        except CalculationFailed as error:
            raise LostError(f"the calculator failed: {error}") from error
        check_forces(energy, forces)
        self.results = {"energy": energy, "forces": forces}


def check_positions(positions: np.ndarray, pbc: np.ndarray) -> None:
    """Check positions [..., n, 3] (Å), their distances from each other only where nothing is periodic.

    Raises:
        LostError: when one is not finite or too far away.
    """
    if not np.isfinite(positions).all():
        raise LostError("coordinates are not finite")
    if np.abs(positions).max() > BEYOND:
        raise LostError(f"a coordinate is beyond {BEYOND:g} Å")
    if not np.any(pbc):
        farthest = np.linalg.norm(positions - positions.mean(axis=-2, keepdims=True), axis=-1).max()
        if farthest > FARTHEST:
            raise LostError(f"an atom is more than {FARTHEST:g} Å away")


def check_forces(energy: float | np.ndarray, forces: np.ndarray) -> None:
    """Check energies (eV) and forces (eV/Å) of any shape.

    Raises:
        LostError: when one is not finite.
    """
    if not np.isfinite(energy).all():
        raise LostError("the energy is not finite")
    if not np.isfinite(forces).all():
        raise LostError("forces are not finite")
