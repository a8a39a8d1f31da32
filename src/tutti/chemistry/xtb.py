"""Geometries of molecules: a conformer by ETKDG and MMFF94, and the way to a GFN2-xTB minimum with tblite.

GFN2-xTB: Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 15, 1652 (2019). ETKDG: Wang et al., J. Chem.
Inf. Model. 60, 2044 (2020). MMFF94: Halgren, J. Comput. Chem. 17, 490 (1996).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.calculator import all_changes
from ase.optimize import BFGS
from ase.units import Bohr, Hartree
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers
from tblite.exceptions import TBLiteRuntimeError
from tblite.interface import Calculator, Result

from tutti.chemistry.model_hessian import model_hessian
from tutti.core import signals
from tutti.core.library_calls import Library

METHOD = "GFN2-xTB"
# eV/Å² added to the model's Hessian in every direction, and the longest step of an atom in Å: few force calls
# for 60 molecules of QM7, as they are and with noise of 0.1 and 0.2 Å.
STIFFNESS = 1.0
LONGEST_STEP = 0.2
_XTB = Library("xTB", TBLiteRuntimeError)


class RejectionError(Exception):
    """There is no such geometry of a molecule; the message is one of a few short reasons."""


def mmff94_geometry(smiles: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(numbers [n], positions [n, 3] in Å) of an ETKDG conformer in its MMFF94 minimum, hydrogens included.

    Raises:
        RejectionError: `embedding` or `mmff94` (no parameters).
    """
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = seed
    with signals.held():
        failed = rdDistGeom.EmbedMolecule(mol, parameters) != 0
    if failed:
        raise RejectionError("embedding")
    if not rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
        raise RejectionError("mmff94")
    rdForceFieldHelpers.MMFFOptimizeMolecule(mol, maxIters=1000)
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    return numbers, mol.GetConformer().GetPositions()


@dataclass(frozen=True)
class Minimisation:
    """A molecule's way towards a minimum.

    Attributes:
        positions: [n, 3] at its end, Å.
        energies: total energy at its start and at its end, eV.
        forces: largest force on an atom at its start and at its end, eV/Å.
    """

    positions: np.ndarray
    energies: tuple[float, float]
    forces: tuple[float, float]


def minimise(
    numbers: np.ndarray, start: np.ndarray, force_threshold: float, max_steps: int = 1000, charge: int = 0
) -> Minimisation:
    """BFGS from a model Hessian, each SCF starting from the last one's density.

    Args:
        numbers: [n] atomic numbers.
        start: [n, 3], Å.
        force_threshold: no atom feels more than half of this at the end (eV/Å), unless the step limit ends it
            before: the other half is room for the noise of the SCF.
        max_steps: limit of steps.
        charge: of the whole.

    Raises:
        TBLiteRuntimeError: when an SCF does not converge.
        LibraryError: when tblite or ASE fail otherwise.
    """
    with _XTB:
        atoms = Atoms(numbers, start, calculator=_WarmStarted(numbers, start, charge))
        before = atoms.get_potential_energy(), _largest(atoms.get_forces())
        optimiser = BFGS(atoms, logfile=None, maxstep=LONGEST_STEP)
        optimiser.H0 = model_hessian(numbers, start) + STIFFNESS * np.eye(start.size)
        optimiser.run(fmax=force_threshold / 2, steps=max_steps)
        after = atoms.get_potential_energy(), _largest(atoms.get_forces())
    return Minimisation(atoms.get_positions(), *zip(before, after, strict=True))


class _WarmStarted(AseCalculator):
    """GFN2-xTB whose every SCF starts from the density of the last."""

    implemented_properties = ("energy", "forces")

    def __init__(self, numbers: np.ndarray, positions: np.ndarray, charge: int) -> None:
        super().__init__()
        self._calculator = _calculator(numbers, positions, charge)
        self._last = Result()

    def check_state(self, atoms: Atoms, tol: float = 0.0) -> list[str]:
        """Only positions change here; comparing all that atoms can have takes a fifth of a relaxation."""
        same = self.atoms is not None and np.array_equal(atoms.positions, self.atoms.positions)
        return [] if same else ["positions"]

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Energy and forces, both, in eV and Å."""
        super().calculate(atoms, properties, system_changes)
        self._calculator.update(atoms.positions / Bohr)
        found = self._calculator.singlepoint(self._last)
        forces = -found["gradient"] * (Hartree / Bohr)
        self.results = {"energy": found["energy"] * Hartree, "forces": forces}


def atomisation_energy(numbers: np.ndarray, energy: float) -> float:
    """Energy of a molecule less that of its free, neutral atoms with as few unpaired electrons as can be, eV.

    Args:
        numbers: [n] atomic numbers.
        energy: total, eV.

    Raises:
        TBLiteRuntimeError: when the SCF of an atom does not converge.
        LibraryError: when tblite fails otherwise.
    """
    return energy - sum(map(_free_atom, numbers.tolist()))


def single_point(numbers: np.ndarray, positions: np.ndarray, charge: int = 0) -> float:
    """Total energy in eV, of positions [n, 3] in Å.

    Raises:
        TBLiteRuntimeError: when the SCF does not converge.
        LibraryError: when tblite fails otherwise.
    """
    with _XTB:
        return _calculator(numbers, positions, charge).singlepoint()["energy"] * Hartree


@cache
def _free_atom(number: int) -> float:
    return single_point(np.array([number]), np.zeros((1, 3)))


def _calculator(numbers: np.ndarray, positions: np.ndarray, charge: int) -> Calculator:
    calculator = Calculator(METHOD, numbers, positions / Bohr, charge=charge)
    calculator.set("verbosity", 0)
    return calculator


def _largest(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(vectors, axis=1).max())
