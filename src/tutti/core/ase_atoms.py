"""`Structures` from ASE's atoms, and back: what stands where, with the atoms that constraints hold fixed."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import ase
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator

from tutti.core.columns import columns

if TYPE_CHECKING:
    from tutti.core.structures import Structures


def fixed_atoms(constraints: Iterable[object], n_atoms: int) -> np.ndarray:
    """[n_atoms] bool: which atoms ASE's constraints hold where they are; other constraints say nothing."""
    fixed = np.zeros(n_atoms, bool)
    for constraint in constraints:
        if fixes_atoms(constraint):
            fixed[constraint.index] = True
    return fixed


def fixes_atoms(constraint: object) -> bool:
    """Whether a constraint holds atoms where they are, in all three directions, and does nothing else."""
    # Imported where it is needed: it brings SciPy's integrators and takes longer than the rest.
    from ase.constraints import FixAtoms, FixCartesian

    whole = isinstance(constraint, FixCartesian) and bool(np.all(constraint.mask))
    return whole or isinstance(constraint, FixAtoms)


def fields(frames: Sequence[ase.Atoms]) -> dict[str, object]:
    """Fields of `Structures` beside numbers and positions.

    Energy, forces and `info` are there when every frame has them, cells and fixed atoms when any has.
    """
    results = [atoms.calc.results if atoms.calc else {} for atoms in frames]
    found: dict[str, object] = {"columns": columns([atoms.info for atoms in frames])}
    if frames and all("energy" in r for r in results):
        found["energy"] = np.array([r["energy"] for r in results], dtype=float)
    if frames and all("forces" in r for r in results):
        found["forces"] = np.concatenate([np.asarray(r["forces"], dtype=float) for r in results])
    if any(atoms.pbc.any() or atoms.cell.any() for atoms in frames):
        found["cell"] = np.stack([atoms.cell.array for atoms in frames])
        found["pbc"] = np.stack([atoms.pbc for atoms in frames])
    fixed = [fixed_atoms(atoms.constraints, len(atoms)) for atoms in frames]
    if any(each.any() for each in fixed):
        found["fixed"] = np.concatenate(fixed)
    return found


def atoms_of(structures: "Structures") -> Iterator[ase.Atoms]:
    """Structures as ASE atoms.

    They have a single-point calculator where there are energies or forces, and `FixAtoms` where atoms are
    fixed.
    """
    for i in range(len(structures)):
        numbers, positions = structures.frame(i)
        rows = slice(structures.offsets[i], structures.offsets[i + 1])
        atoms = ase.Atoms(numbers, positions)
        if structures.cell is not None:
            atoms.set_cell(structures.cell[i])
        if structures.pbc is not None:
            atoms.set_pbc(structures.pbc[i])
        if structures.fixed is not None and structures.fixed[rows].any():
            from ase.constraints import FixAtoms

            atoms.set_constraint(FixAtoms(mask=structures.fixed[rows]))
        atoms.info |= {name: column[i].tolist() for name, column in structures.columns.items()}
        results = {}
        if structures.energy is not None:
            results["energy"] = float(structures.energy[i])
        if structures.forces is not None:
            results["forces"] = structures.forces[rows]
        if results:
            atoms.calc = SinglePointCalculator(atoms, **results)
        yield atoms
