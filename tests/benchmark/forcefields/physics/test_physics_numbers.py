"""The numbers of the table `physics` are those that were put into the calculator."""

import ase
import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.data import covalent_radii
from broken import BOND, DEPTH, Pairs, morse, morse_slope, nothing

from tutti.benchmark.forcefields.physics import cutoff, diatomics, gradient, whole
from tutti.benchmark.forcefields.physics.curves import Curve, largest_jump

MORSE = (morse, morse_slope)


def generator():
    return np.random.default_rng(0)


def by(rows):
    return {(each["metric"], each["subset"]): each for each in rows}


@pytest.fixture
def frames():
    return [molecule("C2H6"), molecule("CH3OH")]


def test_forces_of_the_energy_have_no_error(frames):
    found = by(gradient.rows(gradient.probe(Pairs(*MORSE), frames, 12, generator()), generator()))
    largest = found["gradient_error_largest", "random directions"]
    assert largest["value"] < 5e-3 and largest["n"] == 12


def test_forces_that_are_too_large_are_found(frames):
    """A tenth too large: |F + dE/dx| is a tenth of the gradient."""
    right = gradient.probe(Pairs(*MORSE), frames, 12, generator())
    wrong = gradient.probe(Pairs(*MORSE, forces=1.1), frames, 12, generator())
    found = by(gradient.rows(wrong, generator()))
    expected = 100 * np.abs(right.force)
    mean = found["gradient_error", "random directions"]
    assert mean["value"] == pytest.approx(expected.mean(), rel=1e-3)
    assert mean["ci_low"] < mean["value"] < mean["ci_high"]
    assert found["gradient_error_largest", "random directions"]["value"] == pytest.approx(
        expected.max(), rel=1e-3
    )


def test_one_wrong_number_in_the_gradient_is_seen():
    """A stencil of the fourth order: exact of x⁴, and h⁴ f⁽⁵⁾/30 off of x⁵."""
    x = gradient.STEP * gradient.PLACES
    assert (1 + x) ** 4 @ gradient.WEIGHTS / gradient.STEP == pytest.approx(4, abs=1e-11)
    off = (1 + x) ** 5 @ gradient.WEIGHTS / gradient.STEP - 5
    assert off == pytest.approx(-4 * gradient.STEP**4, rel=1e-3)


def test_energies_add_up_and_know_no_place(frames):
    found = whole.rows(whole.probe(Pairs(*MORSE), frames, 400, generator()))
    assert {each["subset"] for each in found} == {
        "2 copies",
        "8 copies",
        "translation",
        "rotation",
        "permutation",
    }
    assert all(each["value"] < 1e-6 and each["n"] == 2 for each in found)


def test_what_is_not_extensive_is_found():
    """c n² of k copies of n atoms is k n² (k - 1) c too much: (k - 1) n c per atom."""
    found = by(whole.rows(whole.probe(Pairs(*MORSE, of_all=0.01), [molecule("H2O")], 400, generator())))
    assert found["extensivity_error", "2 copies"]["value"] == pytest.approx(10 * 3 * 1)
    assert found["extensivity_error", "8 copies"]["value"] == pytest.approx(10 * 3 * 7)
    assert found["symmetry_error", "permutation"]["value"] < 1e-6


def test_a_field_is_no_invariance():
    atoms = molecule("H2O")
    calculator = Pairs(nothing, nothing, field=0.02)
    found = by(whole.rows(whole.probe(calculator, [atoms], 400, generator())))
    shift = generator().normal(scale=whole.SHIFT, size=3)[0]
    assert found["symmetry_error", "translation"]["value"] == pytest.approx(20 * abs(shift))
    assert found["symmetry_force_error", "translation"]["value"] == pytest.approx(0, abs=1e-9)
    assert found["symmetry_force_error", "rotation"]["value"] > 1


def test_copies_beyond_the_most_atoms_are_left_out():
    found = by(whole.rows(whole.probe(Pairs(*MORSE), [molecule("H2O")], 10, generator())))
    eight = found["extensivity_error", "8 copies"]
    assert np.isnan(eight["value"]) and eight["note"].startswith("undefined: more than 10 atoms")
    assert found["extensivity_error", "2 copies"]["n"] == 1


def test_cells_are_repeated_where_they_are_periodic():
    found = by(whole.rows(whole.probe(EMT(), [bulk("Cu", cubic=True)], 400, generator())))
    assert found["extensivity_error", "8 copies"]["value"] < 1e-6
    assert len(whole.copies(bulk("Cu", cubic=True), 8)) == 32
    slab = bulk("Cu", cubic=True)
    slab.pbc = [True, True, False]
    assert len(whole.copies(slab, 8)) == 16 and len(whole.copies(slab, 2)) == 8
    assert whole.copies(slab, 2).cell[0, 0] == 2 * slab.cell[0, 0]
    far = whole.copies(molecule("H2O"), 8)
    assert len(far) == 24
    distances = far.get_all_distances().reshape(8, 3, 8, 3).min(axis=(1, 3))
    assert distances[~np.eye(8, dtype=bool)].min() >= whole.GAP


def test_a_bond_repels_turns_once_and_has_one_minimum():
    curves = diatomics.probe(Pairs(*MORSE), [6, 8], None, {})
    assert [curve.name for curve in curves] == ["C-C", "C-O", "O-O", "C", "O"]
    assert curves[0].x[0] == pytest.approx(0.3 * 2 * covalent_radii[6]) and curves[0].x[-1] == diatomics.APART
    for curve in curves[:3]:
        shape = diatomics.shape(curve)
        assert (shape.hole, shape.flips, shape.false_minima) == (0, 1, 0)
        assert shape.jump < 1e-6


def test_distances_go_beyond_the_cutoff_and_do_not_begin_below_three_tenths():
    x = diatomics.distances(1, 1, 8.0)
    assert x[0] == 0.3 and x[-2] == pytest.approx(9.0) and x[-1] == diatomics.APART


def curve_of(change, slope_of_change=nothing):
    energy, slope = (lambda r: morse(r) + change(r)), (lambda r: morse_slope(r) + slope_of_change(r))
    return diatomics.probe(Pairs(energy, slope), [6], None, {})[0]


def test_a_hole_is_as_deep_as_it_was_made():
    """Below 0.8 Å the energy of two carbon atoms falls by 30 eV/Å times the way, after its highest value."""
    top = 0.8

    def turned(r):
        return np.where(r < top, morse(np.array(top)) - 30 * (top - r), morse(r))

    curve = diatomics.probe(Pairs(turned, morse_slope), [6], None, {})[0]
    grid = curve.x[curve.x < top]
    expected = turned(curve.x[curve.x < 1.0]).max() - turned(grid[0])
    assert diatomics.shape(curve).hole == pytest.approx(expected)
    assert expected == pytest.approx(30 * (top - grid[0]), abs=0.5)


def test_a_false_minimum_is_counted_with_its_flips():
    dip = curve_of(
        lambda r: -np.exp(-(((r - 3.5) / 0.2) ** 2)),
        lambda r: 2 * (r - 3.5) / 0.2**2 * np.exp(-(((r - 3.5) / 0.2) ** 2)),
    )
    shape = diatomics.shape(dip)
    assert (shape.flips, shape.false_minima) == (3, 1) and shape.hole == 0


def test_a_kink_of_the_energy_is_a_jump_of_the_force():
    """1.5 eV/Å times |r - 2.503|, and forces that are its gradient."""
    shape = diatomics.shape(curve_of(lambda r: 1.5 * np.abs(r - 2.503), lambda r: 1.5 * np.sign(r - 2.503)))
    assert shape.force_jump == pytest.approx(3.0, rel=1e-3)
    assert diatomics.shape(curve_of(nothing)).force_jump < 1e-3


@pytest.mark.parametrize("height", [0.05, -0.4])
def test_a_jump_of_the_energy_is_as_high_as_it_was_made(height):
    shape = diatomics.shape(curve_of(lambda r: np.where(r > 2.503, height, 0.0)))
    assert shape.jump == pytest.approx(abs(height), abs=1e-6)


def test_a_calculator_that_fails_near_by_is_told_and_judged_by_the_rest():
    curves = diatomics.probe(Pairs(*MORSE, nearest=0.7), [6, 8], None, {})
    found = by(diatomics.rows(curves[:3], curves[3:], generator()))
    flips = found["diatomic_force_flips", "all pairs"]
    assert flips["value"] == 1 and flips["n"] == 3 and flips["unit"] == "per pair"
    failed = sum(int((curve.x < 0.7).sum()) for curve in curves[:3])
    assert flips["note"].startswith(f"{failed} of ") and flips["note"].endswith(": atoms too near, sorry")
    none = diatomics.probe(Pairs(*MORSE, nearest=100), [6], None, {})
    undefined = by(diatomics.rows(none[:1], none[1:], generator()))["diatomic_hole_depth", "all pairs"]
    assert np.isnan(undefined["value"]) and "points failed (C-C): atoms too near" in undefined["note"]


def test_free_atoms_are_those_of_the_model_and_of_the_data():
    """c n² makes two atoms apart 2 c more than each alone."""
    calculator = Pairs(*MORSE, of_all=0.1)
    curves = diatomics.probe(calculator, [6, 8], None, {"C": 0.07, "O": 0.1})
    found = by(diatomics.rows(curves[:3], curves[3:], generator()))
    assert found["dissociation_error", "own free atoms"]["value"] == pytest.approx(200)
    data = found["dissociation_error", "the data's free atoms"]
    assert data["value"] == pytest.approx((260 + 230 + 200) / 3) and data["note"] == "worst C-C: 260"
    without = diatomics.probe(calculator, [6, 8], None, {})
    rows = by(diatomics.rows(without[:3], without[3:], generator()))
    assert rows["dissociation_error", "the data's free atoms"]["note"] == (
        "undefined: no energies of the data's free atoms"
    )


def test_the_worst_pair_is_named():
    curves = [
        Curve.of("diatomics", name, x, np.zeros(5), force)
        for name, x, force in (
            ("H-H", np.arange(5.0), np.ones(5)),
            ("H-O", np.arange(5.0), [1, -1, 1, -1, 1]),
        )
    ]
    flips = by(diatomics.rows(curves, [], generator()))["diatomic_force_flips", "all pairs"]
    assert flips["value"] == 2 and flips["note"] == "worst H-O: 4"


def lj_jump(r):
    """Of ASE's: the energy is shifted to 0 at the cutoff, the force is not."""
    return 4 * (12 / r**13 - 6 / r**7)


@pytest.mark.parametrize("atoms", [ase.Atoms("Ar"), molecule("C2H6")])
def test_the_force_jumps_by_what_it_is_at_the_cutoff(atoms):
    curve = cutoff.probe(LennardJones(rc=3.0), [atoms, atoms], 3.0, generator())
    found = by(cutoff.rows(curve))
    force = found["cutoff_force_jump", "all structures"]
    assert force["n"] == 2 and force["note"] == "cutoff 3 Å"
    # Of a component: the direction is random.
    assert force["value"] <= 1000 * abs(lj_jump(3.0)) * (1 + 1e-3)
    assert force["value"] >= 1000 * abs(lj_jump(3.0)) / np.sqrt(3) * (1 - 1e-3)
    assert found["cutoff_energy_jump", "all structures"]["value"] < 0.1


def test_a_smooth_cutoff_has_no_jump_and_a_wrong_one_none_either():
    smooth = by(
        cutoff.rows(
            cutoff.probe(LennardJones(rc=3.0, ro=2.0, smooth=True), [ase.Atoms("Ar")], 3.0, generator())
        )
    )
    assert smooth["cutoff_force_jump", "all structures"]["value"] < 0.05
    elsewhere = cutoff.rows(cutoff.probe(LennardJones(rc=3.0), [ase.Atoms("Ar")], 3.5, generator()))
    assert elsewhere[1]["value"] < 0.05


def test_an_atom_of_a_crystal_crosses_the_cutoff():
    crystal = bulk("Ar", "fcc", a=5.3, cubic=True) * (2, 2, 2)
    crystal.rattle(0.05, seed=0)
    found = by(cutoff.rows(cutoff.probe(LennardJones(rc=3.8), [crystal], 3.8, generator())))
    value = found["cutoff_force_jump", "all structures"]["value"]
    # Of one pair, in all of its components, or of two that cross at once.
    assert 1000 * abs(lj_jump(3.8)) / np.sqrt(3) * 0.999 <= value <= 2000 * abs(lj_jump(3.8))
    off = by(cutoff.rows(cutoff.probe(LennardJones(rc=4.5), [crystal], 4.5, generator())))
    assert off["cutoff_force_jump", "all structures"]["note"] == "undefined: no two atoms 4.5 Å apart"


@pytest.mark.parametrize("radius", [3.0, 5.0])
def test_molecules_come_within_the_cutoff_in_the_middle_of_the_path(radius):
    """By brute force over all pairs of the two, wherever the second comes from."""
    atoms, random = molecule("CH3CH2OH"), generator()
    for _ in range(20):
        both, path = cutoff._approach(atoms, radius, random)
        assert (both.numbers == np.tile(atoms.numbers, 2)).all()
        nearest = [np.linalg.norm(p[None, :9] - p[9:, None], axis=-1).min() for p in path]
        assert nearest[len(path) // 2] == pytest.approx(radius, abs=1e-9)
        assert nearest[-1] > radius > nearest[0]


def test_an_atom_that_is_not_at_the_cutoff_is_moved_there():
    """Of a crystal whose nearest neighbours are 0.15 Å too near."""
    crystal = bulk("Ar", "fcc", a=5.3, cubic=True) * (2, 2, 2)
    force = cutoff.rows(cutoff.probe(LennardJones(rc=3.9), [crystal], 3.9, generator()))[1]
    assert force["value"] >= 1000 * abs(lj_jump(3.9)) / np.sqrt(3) * 0.999


def test_forces_that_are_no_numbers_are_failures():
    def broken(r):
        return np.where(r < 1.0, np.nan, morse_slope(r))

    curve = diatomics.probe(Pairs(morse, broken), [6], None, {})[0]
    assert np.isnan(curve.energy[curve.x < 1]).all() and np.isfinite(curve.energy[curve.x >= 1]).all()
    assert curve.failures.endswith("points failed: not finite")


def test_steps_are_found_among_smooth_values():
    x = np.linspace(0, 0.1, 41)
    assert largest_jump(np.sin(x) + 0.3 * (x > 0.04)) == pytest.approx(0.3, abs=1e-6)


def test_without_a_cutoff_nothing_is_said_of_it():
    rows = cutoff.rows(cutoff.probe(Pairs(*MORSE), [molecule("H2O")], None, generator()))
    assert [each["note"] for each in rows] == ["undefined: no cutoff is known"] * 2


def test_the_bond_is_where_it_was_made():
    curve = curve_of(nothing)
    assert curve.x[curve.energy.argmin()] == pytest.approx(BOND, abs=diatomics.STEP)
    assert curve.energy.min() == pytest.approx(-DEPTH, abs=0.01)
