"""Relaxations against minima in closed form, and what must not happen to structures on the way."""

import ase
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.cluster import Icosahedron
from ase.constraints import FixAtoms
from ase.io import read
from ase.optimize import BFGS
from wells import Well

from tutti.core.structures import Structures
from tutti.simulation.relaxation import LARGE, downhill, relax, relax_to_file


def pairs_of(distances):
    return Structures.from_ase([ase.Atoms("Ar2", [[0, 0, 0], [0, 0, d]]) for d in distances])


def lennard_jones():
    return LennardJones(sigma=3.4, epsilon=0.0104, rc=200.0)


def test_dimers_end_in_their_minimum():
    found = relax(pairs_of([3.3, 3.6, 4.5]), lennard_jones(), fmax=1e-5, max_steps=500)
    assert found.columns["converged"].all() and "failure" not in found.columns
    for atoms in found.to_ase():
        assert atoms.get_distance(0, 1) == pytest.approx(3.4 * 2 ** (1 / 6), abs=1e-3)
        assert atoms.get_potential_energy() == pytest.approx(-0.0104, abs=1e-6)


def icosahedra(rattle):
    """Of 13 argon atoms; their global minimum is -44.326801 ε (Hoare and Pal, Adv. Phys. 20, 161, 1971)."""
    for seed in range(4):
        atoms = Icosahedron("Ar", 2, latticeconstant=3.8 * 2**0.5)
        atoms.rattle(rattle, seed=seed)
        yield atoms


def test_clusters_end_in_their_minimum_and_take_no_more_steps_than_bfgs():
    found = relax(Structures.from_ase(list(icosahedra(0.2))), lennard_jones(), fmax=1e-4, max_steps=500)
    assert found.columns["converged"].all()
    np.testing.assert_allclose(found.energy / 0.0104, -44.326801, atol=1e-3)
    for atoms, steps in zip(icosahedra(0.2), found.columns["steps"], strict=True):
        atoms.calc = lennard_jones()
        reference = BFGS(atoms, logfile=None)
        assert reference.run(fmax=1e-4, steps=500) and steps == reference.nsteps


def test_many_atoms_end_in_their_minimum():
    atoms = bulk("Cu", cubic=True).repeat(3)
    atoms.rattle(0.1, seed=0)
    assert len(atoms) > LARGE
    found = relax(Structures.from_ase([atoms]), EMT(), fmax=0.001, max_steps=300)
    perfect = bulk("Cu", cubic=True).repeat(3)
    perfect.calc = EMT()
    assert found.columns["converged"].all()
    assert found.energy[0] == pytest.approx(perfect.get_potential_energy(), abs=1e-4)


@pytest.mark.parametrize("n", [3, LARGE + 1])
@pytest.mark.parametrize("most", [1, 2, 5])
def test_no_structure_ends_higher_than_it_began(n, most):
    """Wells of 4, 66 and 520 eV/Å²; a first step that takes them for 70 eV/Å² overshoots in the last."""
    centres = np.random.default_rng(0).normal(scale=20, size=(n, 3))
    displaced = centres + 0.002 * np.random.default_rng(1).normal(size=(n, 3))
    atoms = ase.Atoms(np.resize([1, 8, 53], n), displaced)
    well = Well(centres, 0.2)
    start = well.get_potential_energy(atoms)
    found = downhill(atoms, well, fmax=1e-12, max_steps=most)
    assert found.converged is False and found.steps == most and found.failure == ""
    assert found.atoms.get_potential_energy() <= start
    assert found.atoms.get_potential_energy() == pytest.approx(well.get_potential_energy(found.atoms))


class Broken(LennardJones):
    """Breaks down for neon, and for krypton once that has moved."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        moved = abs(atoms.get_distance(0, 1) - 3.6) > 0.01
        if atoms.numbers[0] == 10 or (atoms.numbers[0] == 36 and moved):
            self.results["forces"] = self.results["forces"] * np.nan


def test_a_structure_that_explodes_does_not_stop_the_others(tmp_path):
    apart = [[0, 0, 0], [0, 0, 3.6]]
    frames = [ase.Atoms(f"{symbol}2", apart) for symbol in ("Ar", "Ne", "Kr", "Ar")]
    frames.append(ase.Atoms("Ar2", np.zeros((2, 3))))
    calculator = Broken(sigma=3.4, epsilon=0.0104, rc=200.0)
    out = tmp_path / "out.extxyz"
    found = relax_to_file(Structures.from_ase(frames), calculator, out, fmax=1e-4, max_steps=200)
    assert found.columns["converged"].tolist() == [True, False, False, True, False]
    assert found.columns["failure"].tolist() == [
        "", "forces are not finite", "forces are not finite", "", "atoms 0 and 1 (from 0) lie on one spot",
    ]  # fmt: skip
    ends = list(found.to_ase())
    assert ends[3].get_distance(0, 1) == pytest.approx(3.4 * 2 ** (1 / 6), abs=1e-2)
    for i in (1, 4):
        np.testing.assert_array_equal(ends[i].positions, frames[i].positions)
    assert ends[2].get_distance(0, 1) == pytest.approx(3.6, abs=0.01)
    assert np.isfinite(found.energy).tolist() == [True, False, True, True, False]
    assert [frame.info["converged"] for frame in read(out, ":")] == found.columns["converged"].tolist()


def test_what_no_calculator_can_take_does_not_stop_the_others():
    far = ase.Atoms("Ar2", [[0, 0, 0], [1e300, 0, 0]])
    whole = ase.Atoms("Ar2", [[0, 0, 0], [0, 0, 3.6]])
    frames = [(atoms.numbers, atoms.positions) for atoms in (far, whole, ase.Atoms())]
    found = relax(
        Structures.from_frames(frames),
        LennardJones(sigma=3.4, epsilon=0.0104, rc=200.0),
        fmax=1e-4,
        max_steps=200,
    )
    failures = ["a coordinate is beyond 100000 Å", "", "there are no atoms"]
    assert found.columns["failure"].tolist() == failures


class Enormous(LennardJones):
    """Forces that are enormous, but finite, once an atom has moved."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if atoms.get_distance(0, 1) != 3.6:
            self.results["forces"] = 1e200 * self.results["forces"]


@pytest.mark.filterwarnings("ignore:overflow")
def test_forces_that_no_optimiser_can_follow_are_told():
    atoms = ase.Atoms("Ar2", [[0, 0, 0], [0, 0, 3.6]])
    found = downhill(atoms, Enormous(sigma=3.4, epsilon=0.0104, rc=200.0), fmax=1e-4, max_steps=50)
    assert found.failure == "forces are too large to be followed" and not found.converged
    assert np.isfinite(found.atoms.get_potential_energy())


class Uphill(Calculator):
    """Forces that are no slope of the energy."""

    implemented_properties = ("energy", "forces")

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": float(np.sum(atoms.positions**2)), "forces": 2 * atoms.positions}


def test_forces_that_lead_uphill_are_told():
    positions = np.random.default_rng(0).normal(scale=5, size=(LARGE + 1, 3))
    found = downhill(ase.Atoms(f"H{LARGE + 1}", positions), Uphill(), fmax=0.01, max_steps=50)
    assert found.failure == "no lower energy was found along the forces" and not found.converged
    np.testing.assert_array_equal(found.atoms.positions, positions)


@pytest.mark.parametrize("n", [3, LARGE + 1])
def test_fixed_atoms_stay_exactly_where_they_are(n):
    centres = 3.0 * np.stack(np.unravel_index(np.arange(n), (5, 5, 5)), axis=1)
    atoms = ase.Atoms(f"C{n}", centres + 0.1, constraint=FixAtoms([0, 2]))
    found = relax(Structures.from_ase([atoms]), Well(centres, 0.02), fmax=1e-4, max_steps=500)
    assert found.columns["converged"].all()
    assert np.flatnonzero(found.fixed).tolist() == [0, 2]
    np.testing.assert_array_equal(found.positions[found.fixed], atoms.positions[[0, 2]])
    np.testing.assert_allclose(found.positions[~found.fixed], centres[~found.fixed], atol=1e-3)
    assert np.abs(found.forces[found.fixed]).min() > 0.01  # what they feel, though they do not move


def test_the_cell_of_fixed_atoms_is_not_relaxed():
    free, fixed = bulk("Cu", cubic=True), bulk("Cu", cubic=True)
    fixed.set_constraint(FixAtoms([1]))
    with pytest.raises(ValueError, match="structure 1 has fixed atoms, which its cell would move"):
        relax(Structures.from_ase([free, fixed]), EMT(), fmax=0.01, max_steps=5, cell=True)


@pytest.mark.parametrize("repeats", [1, 3])
def test_a_cell_ends_at_its_lattice_constant(repeats):
    atoms = bulk("Cu", cubic=True, a=3.5).repeat(repeats)
    found = relax(Structures.from_ase([atoms]), EMT(), fmax=1e-3, max_steps=300, cell=True)
    assert found.columns["converged"].all()
    constants = [3.5 + 0.001 * k for k in range(200)]
    energies = []
    for a in constants:
        scanned = bulk("Cu", cubic=True, a=a)
        scanned.calc = EMT()
        energies.append(scanned.get_potential_energy())
    assert found.cell[0, 0, 0] / repeats == pytest.approx(constants[int(np.argmin(energies))], abs=2e-3)
