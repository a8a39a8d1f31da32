"""Geometries by MMFF94 and minima of GFN2-xTB, against tblite's own ASE calculator and ASE's optimiser."""

import ctypes
from collections.abc import Iterator

import ase
import ase.build
import numpy as np
import pytest
from ase.optimize import BFGS
from ase.units import Hartree
from scipy.spatial.distance import pdist

pytest.importorskip("tblite", reason="GFN-xTB needs the extra 'xtb'")

from tblite.ase import TBLite

from tutti.chemistry import xtb
from tutti.chemistry.xtb import RejectionError, minimise, mmff94_geometry


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """OpenMP on more threads than there are free cores is a hundred times slower."""
    openmp = ctypes.CDLL("libgomp.so.1")
    before = openmp.omp_get_max_threads()
    openmp.omp_set_num_threads(1)
    yield
    openmp.omp_set_num_threads(before)


def reference(numbers: np.ndarray, positions: np.ndarray) -> ase.Atoms:
    """The molecule with tblite's own ASE calculator."""
    atoms = ase.Atoms(numbers, positions)
    atoms.calc = TBLite(method="GFN2-xTB", accuracy=0.01, verbosity=0)
    return atoms


def known(name: str) -> tuple[np.ndarray, np.ndarray]:
    atoms = ase.build.molecule(name)
    return atoms.numbers, atoms.positions


def largest_force(atoms: ase.Atoms) -> float:
    return float(np.linalg.norm(atoms.get_forces(), axis=1).max())


def test_published_energy() -> None:
    """Total energy of water in its minimum that xtb 6 prints for --gfn 2."""
    assert minimise(*mmff94_geometry("O", 1), 0.01).energies[1] / Hartree == pytest.approx(
        -5.070544, abs=2e-6
    )


@pytest.mark.parametrize("smiles", ["CCO", "CC(=O)C#N", "COC(C)=N", "c1cc[nH]c1"])
def test_minimum_is_that_of_another_optimiser(smiles: str) -> None:
    numbers, start = mmff94_geometry(smiles, 3)
    way, atoms = minimise(numbers, start, 0.01), reference(numbers, start)
    assert way.energies[0] == pytest.approx(atoms.get_potential_energy(), abs=1e-4)
    assert way.forces[0] == pytest.approx(largest_force(atoms), abs=1e-3)
    end = reference(numbers, way.positions)
    assert way.energies[1] == pytest.approx(end.get_potential_energy(), abs=1e-4)
    assert way.forces[1] == pytest.approx(largest_force(end), abs=1e-3) and way.forces[1] < 0.01
    assert BFGS(atoms, logfile=None).run(fmax=0.002, steps=300)
    assert way.energies[1] == pytest.approx(atoms.get_potential_energy(), abs=1e-3)
    np.testing.assert_allclose(pdist(way.positions), pdist(atoms.positions), atol=0.02)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_few_force_calls_lead_to_the_minimum(noise: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hessian of equal stiffness everywhere needs 36 and 52."""
    calls = []
    whole = xtb._WarmStarted.calculate
    monkeypatch.setattr(xtb._WarmStarted, "calculate", lambda *given: calls.append(whole(*given)))
    numbers, start = mmff94_geometry("CCOC(=O)C#C", 3)
    start += noise * np.random.default_rng(1).normal(size=start.shape)
    assert minimise(numbers, start, 0.02).forces[1] < 0.01
    assert len(calls) < (25 if noise else 18)


def test_atomisation_energy() -> None:
    """Of hydrogen in its minimum with the energies that tblite's own calculator gives."""
    pair, atom = reference(*known("H2")), reference(*known("H"))
    assert xtb.atomisation_energy(pair.numbers, xtb.single_point(pair.numbers, pair.positions)) == (
        pytest.approx(pair.get_potential_energy() - 2 * atom.get_potential_energy(), abs=1e-5)
    )


def test_the_limit_of_steps() -> None:
    numbers, start = mmff94_geometry("CCO", 3)
    assert minimise(numbers, start, 0.01, max_steps=1).forces[1] > 0.01


def test_seed_decides_conformer() -> None:
    first, again, *others = (mmff94_geometry("CCCO", seed)[1] for seed in (5, 5, 0, 1, 2, 3))
    np.testing.assert_array_equal(first, again)
    assert max(abs(pdist(other) - pdist(first)).max() for other in others) > 0.1


def test_a_molecule_without_parameters() -> None:
    with pytest.raises(RejectionError, match=r"^mmff94$"):
        mmff94_geometry("F", 0)
