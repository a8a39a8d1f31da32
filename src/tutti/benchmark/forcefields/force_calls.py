"""How long a force call takes: energy and forces of atoms that have moved, neighbours and all."""

import ase
import numpy as np
import torch
from ase.calculators.calculator import Calculator as AseCalculator

from tutti.core.randomness import numpy_generator
from tutti.core.timing import seconds
from tutti.models.forcefields.calculator import Calculator

CALLS = 20
WARM_UP = 2  # calls before, not timed
DISPLACEMENT = 0.01  # Å, about that of a step of molecular dynamics: no call may find its result in a memory
GAP = 15.0  # Å between copies of a molecule


def single(atoms: ase.Atoms, calculator: AseCalculator, seed: int, device: torch.device) -> np.ndarray:
    """[CALLS] s for one structure at a time, as in molecular dynamics with ASE.

    Args:
        atoms: the structure; it stays as it is.
        calculator: any.
        seed: of the displacements.
        device: that it computes on.
    """
    moving = atoms.copy()
    moving.calc = calculator
    times = []
    for displacement in _displacements(atoms, seed, 1):
        moving.positions = atoms.positions + displacement[0]
        times.append(seconds(moving.get_forces, device))
    return np.array(times[WARM_UP:])


def batched(atoms: ase.Atoms, calculator: Calculator, batch_size: int, seed: int) -> np.ndarray:
    """[CALLS] s for batches of displaced copies of a structure.

    Args:
        atoms: the structure.
        calculator: of the force field.
        batch_size: copies at a time.
        seed: of the displacements.
    """
    times = []
    for displacements in _displacements(atoms, seed, batch_size):
        positions = atoms.positions + displacements
        times.append(seconds(lambda x=positions: calculator.energies_and_forces(atoms, x), calculator.device))
    return np.array(times[WARM_UP:])


def doubled(atoms: ase.Atoms) -> ase.Atoms:
    """Twice the atoms: the cell doubled along its shortest periodic vector, or a molecule's copy far away."""
    periodic = atoms.pbc
    if periodic.any():
        shortest = np.argmin(np.where(periodic, atoms.cell.lengths(), np.inf))
        return atoms.repeat(np.where(np.arange(3) == shortest, 2, 1))
    extents = np.ptp(atoms.positions, axis=0) + GAP
    copy = atoms.copy()
    axis = np.argmin(extents)
    copy.positions[:, axis] += extents[axis]
    return atoms + copy


def _displacements(atoms: ase.Atoms, seed: int, batch_size: int) -> list[np.ndarray]:
    """[WARM_UP + CALLS] arrays [B, n, 3], Å."""
    generator = numpy_generator(seed, "inference time", len(atoms), batch_size)
    shape = (WARM_UP + CALLS, batch_size, len(atoms), 3)
    return list(DISPLACEMENT * generator.standard_normal(shape))
