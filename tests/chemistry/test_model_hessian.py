"""The model Hessian against one from the paper's formula and finite differences of ASE's angles."""

from itertools import combinations, permutations

import ase.build
import numpy as np
import pytest
from ase.units import Bohr, Hartree
from scipy.spatial.transform import Rotation

from tutti.chemistry.model_hessian import model_hessian

STRETCH, BEND, TORSION = 0.45, 0.15, 0.005  # hartree/bohr², hartree/rad²


def factor(atoms: ase.Atoms, i: int, j: int) -> float:
    rows = sorted(0 if atoms.numbers[k] <= 2 else 1 for k in (i, j))
    decay, length = {(0, 0): (1.0, 1.35), (0, 1): (0.3949, 2.10), (1, 1): (0.28, 2.87)}[tuple(rows)]
    value = float(np.exp(decay * (length**2 - (atoms.get_distance(i, j) / Bohr) ** 2)))
    return min(value, 1.5)  # not the paper's: short bonds are no stiffer than this


def by_formula(atoms: ase.Atoms) -> np.ndarray:
    """Sum over all pairs, near triples and near quadruples of force constant times the gradient's square."""
    n, near = len(atoms), {p for p in permutations(range(len(atoms)), 2) if factor(atoms, *p) > 0.3}
    measures = []
    for i, j in combinations(range(n), 2):
        measures.append((STRETCH * factor(atoms, i, j), lambda a, i=i, j=j: a.get_distance(i, j) / Bohr))
    for i, j, k in permutations(range(n), 3):
        if i < k and {(i, j), (j, k)} <= near:
            weight = BEND * factor(atoms, i, j) * factor(atoms, j, k)
            measures.append((weight, lambda a, t=(i, j, k): np.radians(a.get_angle(*t))))
    for i, j, k, m in permutations(range(n), 4):
        if j < k and {(i, j), (j, k), (k, m)} <= near:
            weight = TORSION * factor(atoms, i, j) * factor(atoms, j, k) * factor(atoms, k, m)
            measures.append((weight, lambda a, q=(i, j, k, m): np.radians(a.get_dihedral(*q))))
    total, step = np.zeros((3 * n, 3 * n)), 1e-4
    for weight, measure in measures:
        gradient = np.empty(3 * n)
        for place in range(3 * n):
            ends = []
            for sign in (1, -1):
                moved = atoms.copy()
                moved.positions[place // 3, place % 3] += sign * step
                ends.append(measure(moved))
            change = ends[0] - ends[1]
            gradient[place] = (change + np.pi) % (2 * np.pi) - np.pi
        total += weight * np.outer(gradient, gradient) / (2 * step / Bohr) ** 2
    return total * Hartree / Bohr**2


@pytest.mark.parametrize("name", ["H2O", "CH3OH", "H2O2", "HCOOH"])
def test_it_is_the_papers_formula(name: str) -> None:
    atoms = ase.build.molecule(name)
    atoms.rattle(0.05, seed=1)
    found = model_hessian(atoms.numbers, atoms.positions)
    np.testing.assert_allclose(found, by_formula(atoms), atol=0.03)  # faint stretches are left out


@pytest.mark.parametrize(("name", "free"), [("CO2", 5), ("C2H2", 5), ("CH3CN", 6), ("C6H6", 6)])
def test_only_motions_of_the_whole_cost_nothing(name: str, free: int) -> None:
    """Atoms in line are bent in two directions, and have no torsion."""
    atoms = ase.build.molecule(name)
    values = np.linalg.eigvalsh(model_hessian(atoms.numbers, atoms.positions))
    assert abs(values[:free]).max() < 1e-10
    assert values[free] > 0.05


def test_it_turns_with_the_molecule() -> None:
    atoms = ase.build.molecule("CH3CH2OH")
    turn = Rotation.random(rng=np.random.default_rng(0)).as_matrix()
    whole = np.kron(np.eye(len(atoms)), turn)
    turned = model_hessian(atoms.numbers, atoms.positions @ turn.T)
    np.testing.assert_allclose(
        turned, whole @ model_hessian(atoms.numbers, atoms.positions) @ whole.T, atol=1e-9
    )


def test_an_atom_alone() -> None:
    np.testing.assert_array_equal(model_hessian(np.array([6]), np.zeros((1, 3))), np.zeros((3, 3)))
