"""Relaxation of structures with a force field: `tutti relax`."""

from dataclasses import dataclass
from pathlib import Path

import ase
import numpy as np
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS, LBFGSLineSearch

from tutti.core import ragged
from tutti.core.progress import Progress
from tutti.core.structures import Structures
from tutti.io import writing
from tutti.simulation.guard import Guard, LostError
from tutti.simulation.start import on_one_spot

LARGE = 100
"""Atoms beyond which diagonalising BFGS's Hessian takes longer than the forces of a neural network."""
NO_LOWER = "LineSearch failed!"  # what ASE says then


def relax(
    structures: Structures, calculator: AseCalculator, fmax: float, max_steps: int, cell: bool = False
) -> Structures:
    """Structures moved downhill until their forces vanish, with energies and forces.

    By ASE's BFGS, and beyond `LARGE` atoms by limited-memory BFGS with a line search (Nocedal and Wright,
    "Numerical Optimization", 2006, chapters 6 and 7). No structure ends higher than it began: one that does
    not converge is left where its energy was lowest. Atoms that ASE's `FixAtoms` hold stay where they are.

    Args:
        structures: where they start; their columns are not kept, for they belong to the start.
        calculator: gives energy and forces, and stress where the cell is relaxed.
        fmax: no atom that may move feels more at the end, eV/Å; with the cell, see
            `ase.filters.FrechetCellFilter`.
        max_steps: of each structure.
        cell: whether cells are relaxed, too.

    Returns:
        The structures in their order with the columns `converged` and `steps`; where a calculation broke down
        also `failure`, why, empty for the others. One without forces at its start has NaN for energy and
        forces.

    Raises:
        ValueError: when cells are to be relaxed and a structure is not periodic in three directions, or has
            fixed atoms.
    """
    if cell:
        _check_cells(structures)
    progress = Progress("relax", len(structures))
    found = []
    for atoms in structures.to_ase():
        atoms.info = {}
        found.append(downhill(atoms, calculator, fmax, max_steps, cell, progress))
        progress.update()
    progress.close()
    columns = {name: np.array([getattr(one, name) for one in found]) for name in ("converged", "steps")}
    if any(one.failure for one in found):
        columns["failure"] = np.array([one.failure for one in found])
    relaxed = Structures.from_ase([one.atoms for one in found], source=structures.source)
    return relaxed.with_columns(**columns)


def _check_cells(structures: Structures) -> None:
    if structures.pbc is None or not structures.pbc.all():
        open_ones = [] if structures.pbc is None else np.flatnonzero(~structures.pbc.all(axis=1))
        which = f"structure {open_ones[0]}" if len(open_ones) else "a structure without a cell"
        raise ValueError(f"{which} is not periodic in three directions: leave its cell as it is")
    if structures.fixed is not None and structures.fixed.any():
        owner = ragged.owners(structures.n_atoms)[structures.fixed.argmax()]
        raise ValueError(f"structure {owner} has fixed atoms, which its cell would move: leave it as it is")


def relax_to_file(
    structures: Structures,
    calculator: AseCalculator,
    out: Path,
    fmax: float,
    max_steps: int,
    cell: bool = False,
) -> Structures:
    """Write what `relax` gives to `out`, atomically, and return it.

    Raises:
        ValueError: see `relax`; also when `tutti.io.write` cannot write such structures into such a file.
    """
    writing.check(out, structures)
    relaxed = relax(structures, calculator, fmax, max_steps, cell)
    writing.write(out, relaxed)
    return relaxed


def with_results(atoms: ase.Atoms) -> ase.Atoms:
    """A copy that keeps the energy and forces which the calculator gives now, on fixed atoms too."""
    kept = atoms.copy()
    forces = atoms.get_forces(apply_constraint=False).copy()
    kept.calc = SinglePointCalculator(kept, energy=atoms.get_potential_energy(), forces=forces)
    return kept


@dataclass(frozen=True)
class Relaxed:
    """The end of one relaxation.

    Attributes:
        atoms: with energy and forces, as `with_results` keeps them; NaN where there never were any.
        converged: whether all forces vanish.
        steps: of the optimiser.
        failure: why it broke down; empty when it did not.
    """

    atoms: ase.Atoms
    converged: bool
    steps: int
    failure: str


def downhill(
    atoms: ase.Atoms,
    calculator: AseCalculator,
    fmax: float,
    max_steps: int,
    cell: bool = False,
    progress: Progress | None = None,
) -> Relaxed:
    """Relax one structure, see `relax`; `atoms` are moved, and `progress` is told of each step."""
    if failure := on_one_spot(atoms) if len(atoms) else "there are no atoms":
        return Relaxed(_without_results(atoms), False, 0, failure)
    atoms.calc = Guard(calculator)
    method = BFGS if len(atoms) <= LARGE else LBFGSLineSearch
    optimiser = method(FrechetCellFilter(atoms) if cell else atoms, logfile=None)
    frames, converged = [], False
    try:
        for reached in optimiser.irun(fmax, max_steps):
            converged = bool(reached)
            frames = _first_lowest_last(frames, with_results(atoms))
            if progress:
                largest = np.linalg.norm(atoms.get_forces(), axis=1).max()
                progress.update(0, step=optimiser.nsteps, largest_force=largest)
    except LostError as error:
        failure = str(error)
    except np.linalg.LinAlgError:
        failure = "forces are too large to be followed"
    except RuntimeError as error:
        if str(error) != NO_LOWER:
            raise
        failure = "no lower energy was found along the forces"
    if not frames:
        return Relaxed(_without_results(atoms), False, 0, failure)
    first, lowest, last = frames
    converged = converged and not failure and _energy(last) <= _energy(first)
    return Relaxed(last if converged else lowest, converged, optimiser.nsteps, failure)


def _first_lowest_last(frames: list[ase.Atoms], now: ase.Atoms) -> list[ase.Atoms]:
    first, lowest, _ = frames or (now, now, now)
    return [first, now if _energy(now) < _energy(lowest) else lowest, now]


def _energy(atoms: ase.Atoms) -> float:
    return atoms.get_potential_energy()


def _without_results(atoms: ase.Atoms) -> ase.Atoms:
    kept = atoms.copy()
    kept.calc = SinglePointCalculator(kept, energy=np.nan, forces=np.full((len(kept), 3), np.nan))
    return kept
