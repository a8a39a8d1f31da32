"""A calculator that notices when a simulation has lost its molecule."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.calculators.calculator import CalculationFailed, Calculator, all_changes

FARTHEST = 50.0
"""Å: an atom of a molecule is lost when it is so much farther from the mean than any was at the start."""
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
    """Another calculator's results, with `LostError` where they or the positions make no sense.

    The first positions that it is asked for are the start, from which no atom may go too far.
    """

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self, calculator: Calculator) -> None:
        super().__init__()
        self.calculator = calculator
        self._extent: float | None = None

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Energy and forces, and the stress if that is asked for.

        Raises:
            LostError: when a coordinate, the energy, a force or the stress is not finite, an atom of a
                molecule has gone too far (see `FARTHEST`), or the calculation failed.
        """
        super().calculate(atoms, properties, system_changes)
        if self._extent is None:
            self._extent = extent(self.atoms.positions)
        check_positions(self.atoms.positions, self.atoms.pbc, self._extent)
        try:
            forces = self.calculator.get_forces(self.atoms)
            energy = self.calculator.get_potential_energy(self.atoms)
            stress = self.calculator.get_stress(self.atoms) if "stress" in properties else None
        except CalculationFailed as error:
            raise LostError(f"the calculator failed: {error}") from error
        check_forces(energy, forces)
        self.results = {"energy": energy, "forces": forces}
        if stress is not None:
            if not np.isfinite(stress).all():
                raise LostError("the stress is not finite")
            self.results["stress"] = stress


def extent(positions: np.ndarray) -> float:
    """Largest distance of one of the positions [..., n, 3] from the mean of its n."""
    return float(np.linalg.norm(positions - positions.mean(axis=-2, keepdims=True), axis=-1).max())


def check_positions(positions: np.ndarray, pbc: np.ndarray, start: float) -> None:
    """Check positions [..., n, 3] (Å), their distances from each other only where nothing is periodic.

    Args:
        positions: now.
        pbc: [3] bool.
        start: `extent` of the positions at the start.

    Raises:
        LostError: when one is not finite or too far away.
    """
    if not np.isfinite(positions).all():
        raise LostError("coordinates are not finite")
    if np.abs(positions).max() > BEYOND:
        raise LostError(f"a coordinate is beyond {BEYOND:g} Å")
    if not np.any(pbc) and extent(positions) > start + FARTHEST:
        raise LostError(f"an atom is more than {FARTHEST:g} Å farther out than any was at the start")


def check_forces(energy: float | np.ndarray, forces: np.ndarray) -> None:
    """Check energies (eV) and forces (eV/Å) of any shape.

    Raises:
        LostError: when one is not finite.
    """
    if not np.isfinite(energy).all():
        raise LostError("the energy is not finite")
    if not np.isfinite(forces).all():
        raise LostError("forces are not finite")
