"""From a SMILES string to a molecule in its GFN2-xTB minimum: ETKDG, MMFF94, then relaxation with tblite.

GFN2-xTB: Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 15, 1652 (2019). ETKDG: Wang et al., J. Chem.
Inf. Model. 60, 2044 (2020). MMFF94: Halgren, J. Comput. Chem. 17, 490 (1996).

As a program (`python -m tutti.chemistry.xtb`) it is the process behind a `tutti.chemistry.relaxer.Relaxer`.
"""

import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from functools import cache

import numpy as np
from ase.units import Bohr, Debye, Hartree
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers
from scipy.optimize import minimize
from tblite.exceptions import TBLiteRuntimeError
from tblite.interface import Calculator, Result

from tutti.chemistry.bonds import xyz2mol
from tutti.chemistry.relaxer import Relaxed

# Unpaired electrons of the free atoms' ground states.
UNPAIRED = {1: 1, 6: 2, 7: 3, 8: 2, 9: 1}
# eV/Å²: a typical stiffness along Cartesian coordinates, for the first step.
STIFFNESS = 70.0
# Factors on tblite's SCF thresholds: while moving, and for the numbers that are kept.
ACCURACY_RELAXATION, ACCURACY_FINAL = 1.0, 0.01


class RejectionError(Exception):
    """A molecule that does not belong in the dataset; the message is one of a few short reasons."""


def relax(smiles: str, seed: int, force_threshold: float = 0.01) -> Relaxed:
    """Relax one conformer of a molecule until its forces vanish.

    No Hessian is computed: of 60 relaxed molecules of up to six heavy atoms, 4 had an imaginary frequency,
    three of them below 100 cm⁻¹.

    Args:
        smiles: the molecule, neutral and closed-shell; canonical, without stereo marks.
        seed: of the conformer, 0 ... 2³¹ - 1. Same seed, same machine, one OpenMP thread: same bits.
        force_threshold: no atom feels more than this, eV/Å.

    Raises:
        RejectionError: `embedding`, `mmff94`, `scf` (not converged), `relaxation` (not converged), or the
            reasons of `check_graph`, which compares the minimum with `smiles`.
    """
    numbers, start = mmff94_geometry(smiles, seed)
    try:
        positions = minimise(numbers, start, force_threshold).positions
        relaxed = single_point(numbers, positions, force_threshold)
    except TBLiteRuntimeError as error:
        raise RejectionError("scf") from error
    check_graph(smiles, numbers, positions)
    return relaxed


def mmff94_geometry(smiles: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(numbers [n], positions [n, 3] in Å) of an ETKDG conformer in its MMFF94 minimum, hydrogens included.

    Raises:
        RejectionError: `embedding` or `mmff94` (no parameters).
    """
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = seed
    if rdDistGeom.EmbedMolecule(mol, parameters) != 0:
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
    numbers: np.ndarray, start: np.ndarray, force_threshold: float, max_steps: int = 1000
) -> Minimisation:
    """BFGS, each SCF starting from the last one's density.

    Args:
        numbers: [n] atomic numbers.
        start: [n, 3], Å.
        force_threshold: no atom feels more than this at the end (eV/Å), unless the step limit or the noise of
            the SCF ends it before.
        max_steps: limit of steps.

    Raises:
        TBLiteRuntimeError: when an SCF does not converge.
    """
    calculator = _calculator(numbers, start, ACCURACY_RELAXATION)
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
    found = minimize(energy_and_gradient, start.ravel(), jac=True, method="BFGS", options=options)
    return Minimisation(
        positions=found.x.reshape(-1, 3),
        energies=(energies[0], float(found.fun)),
        forces=(forces[0], _largest(found.jac.reshape(-1, 3))),
    )


def _largest(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(vectors, axis=1).max())


def single_point(numbers: np.ndarray, positions: np.ndarray, force_threshold: float) -> Relaxed:
    """Properties at `positions` [n, 3] (Å), from a tight SCF that depends on nothing else.

    Raises:
        RejectionError: `relaxation` when a force exceeds `force_threshold`.
        TBLiteRuntimeError: when the SCF does not converge.
    """
    result = _calculator(numbers, positions, ACCURACY_FINAL).singlepoint()
    if _largest(result["gradient"]) * (Hartree / Bohr) > force_threshold:
        raise RejectionError("relaxation")
    energy = result["energy"] * Hartree
    levels, occupied = result["orbital-energies"] * Hartree, result["orbital-occupations"] > 1
    homo, lumo = float(levels[occupied].max()), float(levels[~occupied].min())
    return Relaxed(
        numbers=numbers.tolist(),
        positions=positions.tolist(),
        energy=energy,
        atomisation_energy=energy - sum(free_atom_energy(int(z)) for z in numbers),
        homo=homo,
        lumo=lumo,
        gap=lumo - homo,
        dipole=float(np.linalg.norm(result["dipole"])) * Bohr / Debye,
    )


@cache
def free_atom_energy(number: int) -> float:
    """GFN2-xTB energy of the atom in its ground state, eV."""
    calculator = _calculator(np.array([number]), np.zeros((1, 3)), ACCURACY_FINAL, UNPAIRED[number])
    return calculator.singlepoint()["energy"] * Hartree


def _calculator(numbers: np.ndarray, positions: np.ndarray, accuracy: float, unpaired: int = 0) -> Calculator:
    calculator = Calculator("GFN2-xTB", numbers, positions / Bohr, uhf=unpaired)
    calculator.set("verbosity", 0)
    calculator.set("accuracy", accuracy)
    return calculator


def check_graph(smiles: str, numbers: np.ndarray, positions: np.ndarray) -> None:
    """Compare the molecule that xyz2mol sees at `positions` [n, 3] (Å) with the canonical `smiles`.

    Raises:
        RejectionError: `xyz2mol_...` (not valid, and why), `fragments` or `graph_changed`.
    """
    found = xyz2mol.assign(numbers, positions)
    if not found.valid:
        raise RejectionError(f"xyz2mol_{found.reason}")
    if not found.connected:
        raise RejectionError("fragments")
    if Chem.CanonSmiles(found.smiles) != smiles:
        raise RejectionError("graph_changed")


def serve() -> None:
    """Answer requests, one JSON object per line, until there are no more."""
    # RDKit and tblite write from C: only the answers may reach the pipe.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        # Nothing handles SIGALRM, so the kernel ends this process even while it is inside a library.
        signal.setitimer(signal.ITIMER_REAL, request.pop("time_limit"))
        try:
            outcome = asdict(relax(**request))
        except RejectionError as rejection:
            outcome = {"rejected": str(rejection)}
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(json.dumps(outcome) + "\n")


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # on Ctrl-C it is the parent that says so
    serve()
