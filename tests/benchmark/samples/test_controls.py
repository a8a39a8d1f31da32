"""Controls: what is moved and what is not."""

from dataclasses import replace

import numpy as np
import pytest

from tutti.benchmark.samples import controls
from tutti.core.structures import Structures


@pytest.fixture
def molecules():
    rng = np.random.default_rng(0)
    frames = [([6, 1, 8, 1], rng.normal(size=(4, 3)) * 3) for _ in range(2000)]
    return Structures.from_frames(frames, columns={"smiles": np.array(["CO"] * 2000)})


def rng():
    return np.random.default_rng(1)


def test_jitter_has_the_stated_size(molecules):
    steps = controls.jittered(molecules, rng()).positions - molecules.positions
    assert steps.std() == pytest.approx(0.1, rel=0.01)
    assert abs(steps.mean()) < 0.002


def test_only_hydrogens_are_displaced_each_by_the_same_distance_in_all_directions(molecules):
    steps = controls.displaced_hydrogens(molecules, rng()).positions - molecules.positions
    hydrogens = molecules.numbers == 1
    np.testing.assert_array_equal(steps[~hydrogens], 0)
    np.testing.assert_allclose(np.linalg.norm(steps[hydrogens], axis=1), 0.3, rtol=1e-12)
    np.testing.assert_allclose(steps[hydrogens].mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(steps[hydrogens].var(axis=0), 0.03, rtol=0.05)


@pytest.mark.parametrize("name", controls.CHANGES)
def test_an_adversary_is_a_random_subset_with_a_fixed_seed(molecules, name):
    first, again, other = (controls.adversary(name, molecules, 50, seed) for seed in (0, 0, 1))
    assert len(first) == 50
    assert first.digest == again.digest != other.digest
    assert first.columns == {}  # energies, SMILES and so on belong to the unmoved molecules
    assert len(controls.adversary(name, molecules[:3], 50, 0)) == 3


def test_copies_are_the_molecules_themselves(molecules):
    copies = controls.adversary("copied_training", molecules, 20, seed=0)
    known = {molecules.frame(i)[1].tobytes() for i in range(len(molecules))}
    assert all(copies.frame(i)[1].tobytes() in known for i in range(20))
    assert len({copies.frame(i)[1].tobytes() for i in range(20)}) == 20


@pytest.mark.parametrize("name", controls.CHANGES)
def test_bonds_and_charges_are_those_of_the_molecules(molecules, name):
    n, total = len(molecules), len(molecules.numbers)
    charged = replace(
        molecules.with_columns(charge=np.arange(n)),
        energy=np.zeros(n),
        formal_charges=np.ones(total, np.int8),
        n_bonds=np.ones(n, int),
        bond_atoms=np.tile([0, 1], (n, 1)),
        bond_orders=np.arange(n, dtype=float),
    )
    made = controls.adversary(name, charged, 10, seed=0)
    assert made.energy is None and made.columns.keys() == {"charge"}
    np.testing.assert_array_equal(made.bond_orders, made.columns["charge"])
    assert made.formal_charges.sum() == made.n_atoms.sum()


def test_no_molecule_to_draw_from(molecules):
    with pytest.raises(ValueError, match="no molecule to draw from"):
        controls.adversary("jittered", molecules[:0], 5, seed=0)
