"""Geometries of molecules: a conformer by ETKDG and MMFF94, and the way to a GFN2-xTB minimum with tblite.

GFN2-xTB: Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 15, 1652 (2019). ETKDG: Wang et al., J. Chem.
Inf. Model. 60, 2044 (2020). MMFF94: Halgren, J. Comput. Chem. 17, 490 (1996).
"""

from dataclasses import dataclass

import numpy as np
from ase.units import Bohr, Hartree
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers
from scipy.optimize import minimize
from tblite.exceptions import TBLiteRuntimeError
from tblite.interface import Calculator, Result

from tutti.core import signals
from tutti.core.library_calls import Library

# eV/Å²: a typical stiffness along Cartesian coordinates, for the first step.
STIFFNESS = 70.0
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
    """BFGS, each SCF starting from the last one's density.

    Args:
        numbers: [n] atomic numbers.
        start: [n, 3], Å.
        force_threshold: no atom feels more than this at the end (eV/Å), unless the step limit or the noise of
            the SCF ends it before.
        max_steps: limit of steps.
        charge: of the whole.

    Raises:
        TBLiteRuntimeError: when an SCF does not converge.
        LibraryError: when tblite or SciPy fail otherwise.
    """
    with _XTB:
        calculator = Calculator("GFN2-xTB", numbers, start / Bohr, charge=charge)
        calculator.set("verbosity", 0)
        last = Result()
    energies, forces = [], []

    def energy_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        calculator.update(flat.reshape(-1, 3) / Bohr)
        result = calculator.singlepoint(last)
        energy, gradient = result["energy"] * Hartree, result["gradient"] * (Hartree / Bohr)
        if not energies:
            energies.append(energy)
            forces.append(_largest(gradient))
        return energy, gradient.ravel()

    # With every component below half the threshold, the norm is below 0.87 of it: room for the SCF's noise.
    options = {"gtol": force_threshold / 2, "hess_inv0": np.eye(start.size) / STIFFNESS, "maxiter": max_steps}
    with _XTB:
        found = minimize(energy_and_gradient, start.ravel(), jac=True, method="BFGS", options=options)
    return Minimisation(
        positions=found.x.reshape(-1, 3),
        energies=(energies[0], float(found.fun)),
        forces=(forces[0], _largest(found.jac.reshape(-1, 3))),
    )


def _largest(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(vectors, axis=1).max())
