import ctypes
import os
import signal
from collections.abc import Iterator
from dataclasses import asdict

import ase
import numpy as np
import pytest
from ase.optimize import BFGS
from ase.units import Bohr, Debye, Hartree
from scipy.spatial.distance import pdist

pytest.importorskip("tblite", reason="the GFN-xTB data need the extra 'xtb'")

from tblite.ase import TBLite

from tutti.chemistry import xtb
from tutti.chemistry.relaxer import Relaxed, Relaxer
from tutti.chemistry.xtb import RejectionError, check_graph, free_atom_energy, mmff94_geometry, relax


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


def test_published_energies() -> None:
    # Total energies that xtb 6 prints for --gfn 2: water in its minimum, and a free hydrogen atom.
    assert relax("O", 1).energy / Hartree == pytest.approx(-5.070544, abs=2e-6)
    assert free_atom_energy(1) / Hartree == pytest.approx(-0.393482764, abs=1e-8)


@pytest.mark.parametrize("smiles", ["CCO", "CC(=O)C#N", "COC(C)=N", "c1cc[nH]c1"])
def test_minimum_is_that_of_another_optimiser(smiles: str) -> None:
    relaxed = relax(smiles, 3)
    atoms = reference(*mmff94_geometry(smiles, 3))
    assert BFGS(atoms, logfile=None).run(fmax=0.002, steps=300)
    assert relaxed.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-3)
    np.testing.assert_allclose(pdist(relaxed.positions), pdist(atoms.positions), atol=0.02)


def test_properties() -> None:
    relaxed = relax("CC=O", 0)
    atoms = reference(relaxed.numbers, relaxed.positions)
    assert relaxed.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-7)
    assert np.linalg.norm(atoms.get_forces(), axis=1).max() < 0.01
    assert relaxed.dipole == pytest.approx(np.linalg.norm(atoms.get_dipole_moment()) / Debye, abs=1e-5)
    free = sum({1: 4, 6: 2, 8: 1}[z] * free_atom_energy(z) for z in (1, 6, 8))
    assert relaxed.atomisation_energy == pytest.approx(relaxed.energy - free, abs=1e-9)
    # 18 valence electrons in 9 orbitals, of 6 × 1 ... s and p functions: 4 + 4 + 4 + 4 × 1 levels.
    calculator = xtb._calculator(np.array(relaxed.numbers), np.array(relaxed.positions), 0.01)
    levels = np.sort(calculator.singlepoint()["orbital-energies"]) * Hartree
    assert len(levels) == 16
    assert (relaxed.homo, relaxed.lumo) == pytest.approx((levels[8], levels[9]), abs=1e-7)
    assert relaxed.gap == relaxed.lumo - relaxed.homo > 1


def test_gradient_is_the_derivative_of_the_energy() -> None:
    numbers, positions = mmff94_geometry("CC=O", 0)
    result = xtb._calculator(numbers, positions, 0.01).singlepoint()
    step = 1e-3
    energies = []
    for sign in (1, -1):
        moved = positions.copy()
        moved[2, 1] += sign * step
        energies.append(xtb._calculator(numbers, moved, 0.01).singlepoint()["energy"])
    slope = (energies[0] - energies[1]) / (2 * step)
    assert slope == pytest.approx(result["gradient"][2, 1] / Bohr, abs=1e-6)


def test_seed_decides_conformer() -> None:
    assert relax("CCCO", 5) == relax("CCCO", 5)
    assert len({round(relax("CCCO", seed).energy, 4) for seed in range(4)}) > 1


@pytest.mark.parametrize(("smiles", "reason"), [("F", "mmff94"), ("C1C2CC1C2", "xyz2mol_charge")])
def test_rejected_molecules(smiles: str, reason: str) -> None:
    with pytest.raises(RejectionError, match=rf"^{reason}$"):
        relax(smiles, 0)


def test_graph_check() -> None:
    numbers, positions = mmff94_geometry("CO", 0)
    check_graph("CO", numbers, positions)
    with pytest.raises(RejectionError, match=r"^graph_changed$"):
        check_graph("COC", numbers, positions)
    twice = np.concatenate([numbers, numbers]), np.concatenate([positions, positions + 10])
    with pytest.raises(RejectionError, match=r"^fragments$"):
        check_graph("CO.CO", *twice)
    positions[1] += 5
    with pytest.raises(RejectionError, match=r"^xyz2mol_"):
        check_graph("CO", numbers, positions)


def test_unrelaxed_geometry_is_rejected() -> None:
    numbers, positions = mmff94_geometry("CO", 0)
    with pytest.raises(RejectionError, match=r"^relaxation$"):
        xtb.single_point(numbers, positions, force_threshold=1e-4)


def test_relaxer_agrees_and_survives() -> None:
    with Relaxer() as relaxer:
        assert relaxer.relax("CO", 2, 0.01, 60) == relax("CO", 2)
        assert relaxer.relax("F", 2, 0.01, 60) == "mmff94"
        assert relaxer.relax("CCCCCCCCCCCC", 2, 0.01, 0.01) == "time_limit"
        os.kill(relaxer._process.pid, signal.SIGSEGV)
        assert relaxer.relax("CO", 2, 0.01, 60) == "crash"
        assert isinstance(relaxer.relax("CO", 2, 0.01, 60), Relaxed)
        assert asdict(relaxer.relax("O", 2, 0.01, 60))["numbers"] == [8, 1, 1]


def test_death_for_other_reasons_is_no_rejection() -> None:
    with Relaxer() as relaxer:
        os.kill(relaxer._process.pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match="'CO'"):
            relaxer.relax("CO", 2, 0.01, 60)
