"""Relaxation of structures with a force field: `tutti relax`."""

from pathlib import Path

import ase
import numpy as np
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE

from tutti.core.progress import Progress
from tutti.core.structures import Structures
from tutti.io import writing


def relax(
    structures: Structures, calculator: AseCalculator, fmax: float, max_steps: int, cell: bool = False
) -> Structures:
    """Structures moved downhill until their forces vanish, with energies and forces.

    FIRE: Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006); steps that would raise the energy are taken back.

    Args:
        structures: where they start; their columns are not kept, for they belong to the start.
        calculator: gives energy and forces, and stress where the cell is relaxed.
        fmax: no atom may feel more at the end, eV/Å; with the cell, see `ase.filters.FrechetCellFilter`.
        max_steps: of each structure.
        cell: whether cells are relaxed, too.

    Returns:
        The structures in their order with the columns `converged` and `steps`.

    Raises:
        ValueError: when cells are to be relaxed and a structure is not periodic in three directions.
    """
    if cell and (structures.pbc is None or not structures.pbc.all()):
        open_ones = [] if structures.pbc is None else np.flatnonzero(~structures.pbc.all(axis=1))
        which = f"structure {open_ones[0]}" if len(open_ones) else "a structure without a cell"
        raise ValueError(f"{which} is not periodic in three directions: leave its cell as it is")
    progress = Progress("relax", len(structures))
    relaxed, converged, steps = [], [], []
    for atoms in structures.to_ase():
        atoms.info, atoms.calc = {}, calculator
        moving = FrechetCellFilter(atoms) if cell else atoms
        optimiser = FIRE(moving, logfile=None, downhill_check=True)
        optimiser.attach(_report, 1, progress, optimiser)
        converged.append(optimiser.run(fmax, max_steps))
        steps.append(optimiser.nsteps)
        relaxed.append(with_results(atoms))
        progress.update()
    progress.close()
    found = Structures.from_ase(relaxed, source=structures.source)
    return found.with_columns(converged=np.array(converged), steps=np.array(steps))


def relax_to_file(
    structures: Structures,
    calculator: AseCalculator,
    out: Path,
    fmax: float,
    max_steps: int,
    cell: bool = False,
) -> int:
    """Write what `relax` gives to `out`, atomically, and say how many did not converge.

    Raises:
        ValueError: see `relax`; also when `tutti.io.write` cannot write such structures into such a file.
    """
    writing.check(out, structures)
    relaxed = relax(structures, calculator, fmax, max_steps, cell)
    writing.write(out, relaxed)
    return int(np.sum(~relaxed.columns["converged"]))


def with_results(atoms: ase.Atoms) -> ase.Atoms:
    """A copy that keeps the energy and forces which the calculator gives now."""
    kept = atoms.copy()
    kept.calc = SinglePointCalculator(
        kept, energy=atoms.get_potential_energy(), forces=atoms.get_forces().copy()
    )
    return kept


def _report(progress: Progress, optimiser: FIRE) -> None:
    largest = np.linalg.norm(optimiser.atoms.get_forces(), axis=1).max()
    progress.update(0, step=optimiser.nsteps, largest_force=largest)
