"""Force fields in ASE, on an untrained but smooth model in float64."""

import copy
import hashlib
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import ase
import ase.db
import ase.io
import numpy as np
import pytest
import torch
from ase import units
from ase.build import bulk, molecule
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.filters import FrechetCellFilter
from ase.md.verlet import VelocityVerlet
from ase.mep import NEB
from ase.optimize import BFGS
from ase.stress import full_3x3_to_voigt_6_stress
from forcefield_models import CONFIG, model

import tutti
from tutti.core import records
from tutti.core.structures import Structures
from tutti.models import base


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder with a model whose energies and forces are of the size of a molecule's."""
    schnet, folder = model(seed=3), tmp_path_factory.mktemp("model")
    schnet.scale.copy_(torch.tensor([3.0, 4.0, 5.0]))
    schnet.save(folder)
    return folder


@pytest.fixture
def calculator(weights):
    return tutti.Calculator(weights, "cpu")


def ethanol():
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.1, seed=1)
    return atoms


def crystal(pbc=True):
    """A triclinic cell that is smaller than twice the cutoff."""
    cell = [[4.1, 0.0, 0.0], [0.9, 3.8, 0.0], [-0.6, 0.7, 4.4]]
    positions = np.random.default_rng(1).random((4, 3)) @ np.array(cell)
    return ase.Atoms("CO2H", positions, cell=cell, pbc=pbc)


def slab():
    atoms = crystal((True, True, False))
    atoms.cell[2] = 0
    return atoms


@pytest.mark.parametrize("atoms", [ethanol(), crystal(), slab()], ids=["molecule", "crystal", "slab"])
def test_results_are_the_models(atoms, calculator):
    atoms.calc = calculator
    structures = Structures.from_frames(
        [(atoms.numbers, atoms.positions)], cell=atoms.cell.array[None], pbc=atoms.pbc[None]
    )
    expected = calculator.model.energy_and_forces(calculator.model.collate(structures, [0]))
    assert atoms.get_potential_energy() == float(expected.energy[0])
    assert atoms.get_potential_energy(force_consistent=True) == float(expected.energy[0])
    np.testing.assert_array_equal(atoms.get_forces(), expected.forces.numpy())
    if atoms.cell.rank == 3:
        np.testing.assert_array_equal(
            atoms.get_stress(), full_3x3_to_voigt_6_stress(expected.stress[0].numpy())
        )


@pytest.mark.parametrize("atoms", [ethanol(), crystal(), slab()], ids=["molecule", "crystal", "slab"])
def test_forces_are_ases_numerical_ones(atoms, calculator):
    atoms.calc = calculator
    forces = atoms.get_forces()
    assert np.abs(forces).max() > 0.01
    np.testing.assert_allclose(forces, calculate_numerical_forces(atoms, eps=1e-4), atol=1e-6)


def test_stress_is_ases_numerical_one(calculator):
    atoms = crystal()
    atoms.calc = calculator
    assert np.abs(atoms.get_stress()).max() > 1e-3
    np.testing.assert_allclose(atoms.get_stress(), calculate_numerical_stress(atoms, eps=1e-5), atol=1e-8)


@pytest.mark.parametrize("cell", [None, [30, 30, 30]])
def test_there_is_no_stress_of_a_molecule(calculator, cell):
    atoms = ethanol()
    atoms.set_cell(cell)
    atoms.calc = calculator
    atoms.get_forces()
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_stress()


def test_there_is_no_stress_without_three_vectors(calculator):
    atoms = slab()
    atoms.calc = calculator
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_stress()


def test_the_stress_of_a_slab_is_that_of_its_cell_with_the_vacuum(calculator):
    atoms = crystal((True, True, False))
    stresses = []
    for height in (15.0, 30.0):
        atoms.cell[2] = [0, 0, height]
        atoms.calc = calculator
        stresses.append(atoms.get_stress())
        numerical = calculate_numerical_stress(atoms, eps=1e-5)
        np.testing.assert_allclose(stresses[-1], numerical, atol=1e-8)
    np.testing.assert_allclose(stresses[0], 2 * stresses[1], rtol=1e-9)
    assert np.abs(stresses[0][:2]).max() > 1e-4


def test_ases_files_record_what_computed(calculator, weights, tmp_path):
    atoms = ethanol()
    atoms.calc = calculator
    atoms.get_forces()
    expected = {
        "weights_sha256": hashlib.sha256((weights / "weights.safetensors").read_bytes()).hexdigest(),
        "config": records.read(weights / "config.json"),
    }
    assert calculator.name == "tutti-schnet" and calculator.todict() == expected
    ase.io.write(tmp_path / "x.traj", atoms)
    back = ase.io.read(tmp_path / "x.traj").calc
    assert back.name == "tutti-schnet" and back.parameters == expected
    with ase.db.connect(tmp_path / "x.db") as database:
        database.write(atoms)
    row = ase.db.connect(tmp_path / "x.db").get(1)
    assert row.calculator == "tutti-schnet" and row.calculator_parameters == expected


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda calculator: pickle.loads(pickle.dumps(calculator))]
)
def test_copies_are_calculators_of_their_own(calculator, again):
    atoms, other = ethanol(), ethanol()
    atoms.calc = calculator
    before = atoms.get_potential_energy(), atoms.get_forces()
    other.calc = again(calculator)
    assert other.get_potential_energy() == before[0] and other.calc.todict() == calculator.todict()
    other.positions[0] += 0.1
    moved = other.get_forces()
    assert np.abs(moved - before[1]).max() > 0.001
    assert not calculator.calculation_required(atoms, ["energy", "forces"])
    np.testing.assert_array_equal(atoms.get_forces(), before[1])
    atoms.positions[0] += 0.1
    np.testing.assert_array_equal(atoms.get_forces(), moved)


def test_threads_get_the_results_of_their_own_atoms(calculator, weights):
    alone = tutti.Calculator(weights, "cpu")
    jobs = [ethanol() if k % 3 else molecule("H2O") for k in range(24)]
    for k, atoms in enumerate(jobs):
        atoms.rattle(0.1, seed=k)
    expected = [(alone.get_potential_energy(atoms), alone.get_forces(atoms)) for atoms in jobs]
    expected_of_beads = alone.energies_and_forces(jobs[0], jobs[0].positions[None])

    def work(k):
        atoms = jobs[k].copy()
        atoms.calc = calculator
        beads = calculator.energies_and_forces(jobs[0], jobs[0].positions[None])
        return atoms.get_potential_energy(), atoms.get_forces(), beads

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(work, range(len(jobs))))
    finally:
        sys.setswitchinterval(interval)
    for (energy, forces), (their_energy, their_forces, beads) in zip(expected, found, strict=True):
        assert their_energy == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(their_forces, forces, atol=1e-9)
        np.testing.assert_allclose(beads[0], expected_of_beads[0], atol=1e-9)


def test_images_of_a_band_may_share_a_calculator(calculator):
    """A nudged elastic band between two rattled molecules, with one calculator and with copies of it."""
    forces = []
    for calculators in ([calculator] * 5, [copy.deepcopy(calculator) for _ in range(5)]):
        images = [ethanol() for _ in range(5)]
        images[-1].rattle(0.1, seed=7)
        for image, each in zip(images, calculators, strict=True):
            image.calc = each
        band = NEB(images, allow_shared_calculator=True, method="improvedtangent")
        band.interpolate()
        forces.append(band.get_forces())
    np.testing.assert_allclose(forces[0], forces[1], atol=1e-9)


def test_a_change_of_atoms_is_noticed(calculator):
    atoms = ethanol()
    atoms.calc = calculator
    before = atoms.get_potential_energy()
    atoms.positions[0, 0] += 0.1
    assert atoms.get_potential_energy() != before
    atoms.positions[0, 0] -= 0.1
    assert atoms.get_potential_energy() == pytest.approx(before, abs=1e-9)
    atoms.numbers[atoms.numbers == 8] = 6
    assert atoms.get_potential_energy() > before + 900


def test_unknown_elements_are_refused_again_and_again(calculator):
    atoms = ase.Atoms("OS", [[0, 0, 0], [0, 0, 1.5]])
    atoms.calc = calculator
    for _ in range(2):
        with pytest.raises(ValueError, match=r"holds S, .* \(it knows H, C, O\)"):
            atoms.get_potential_energy()


def test_dynamics_keep_the_energy(calculator):
    """Velocity Verlet is of second order: half the time step, a quarter of the fluctuation."""
    fluctuations = []
    for step in (0.5, 0.25):
        atoms = ethanol()
        atoms.calc = calculator
        atoms.set_velocities(0.01 * np.random.default_rng(0).standard_normal((9, 3)))
        dynamics, energies = VelocityVerlet(atoms, step * units.fs), []
        dynamics.attach(lambda a=atoms, e=energies: e.append(a.get_total_energy()))
        dynamics.run(round(20 / step))
        fluctuations.append(np.ptp(energies))
    assert fluctuations[0] < 0.01
    assert 3 < fluctuations[0] / fluctuations[1] < 5


def test_a_molecule_relaxes(calculator):
    atoms = ethanol()
    atoms.calc = calculator
    before = atoms.get_potential_energy()
    assert BFGS(atoms, logfile=None).run(fmax=0.01, steps=300)
    assert atoms.get_potential_energy() < before - 0.01


def test_a_cell_relaxes(calculator):
    atoms = bulk("C", "sc", a=1.9).repeat((2, 1, 1))
    atoms.rattle(0.05, seed=2)
    atoms.calc = calculator
    before = np.abs(atoms.get_stress()).max()
    assert BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.01, steps=300)
    assert np.abs(atoms.get_stress()).max() < 0.02 * before + 1e-3


@pytest.mark.parametrize("atoms", [ethanol(), crystal(), slab()], ids=["molecule", "crystal", "slab"])
def test_beads_are_what_each_is_alone(atoms, calculator):
    places = atoms.positions + 0.05 * np.random.default_rng(0).standard_normal((5, len(atoms), 3))
    energies, forces = calculator.energies_and_forces(atoms, places)
    assert energies.shape == (5,) and forces.shape == places.shape
    atoms.calc = calculator
    for energy, of_bead, positions in zip(energies, forces, places, strict=True):
        atoms.positions = positions
        assert energy == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
        np.testing.assert_allclose(of_bead, atoms.get_forces(), atol=1e-9)


def test_results_are_float64_of_a_model_in_float32(tmp_path):
    base.create("forcefields", "schnet", CONFIG, seed=0).save(tmp_path)
    atoms = crystal()
    atoms.calc = tutti.Calculator(tmp_path, "cpu")
    assert atoms.get_forces().dtype == atoms.get_stress().dtype == np.float64
    assert isinstance(atoms.get_potential_energy(), float)


def test_a_model_of_a_property_is_refused(tmp_path):
    base.create("forcefields", "schnet", CONFIG | {"target": "homo"}, seed=0).save(tmp_path)
    with pytest.raises(ValueError, match="trained on 'homo': it has no energy and forces"):
        tutti.Calculator(tmp_path, "cpu")


def test_a_missing_folder_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="train the model first"):
        tutti.Calculator(tmp_path / "nothing", "cpu")


def test_other_attributes_of_the_package_are_unknown():
    with pytest.raises(AttributeError, match="no attribute 'Calculater'"):
        tutti.Calculater  # noqa: B018
