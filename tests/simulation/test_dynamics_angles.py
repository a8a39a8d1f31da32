"""Angles against ASE's, and the overlap of distributions against closed forms."""

import numpy as np
import pytest
from ase.build import molecule
from wells import trajectory

from tutti.simulation.analysis import angles, stability
from tutti.simulation.analysis.angles import BINS, CENTRES, WIDTH
from tutti.statistics import blocks


def test_triplets_of_ethanol():
    atoms = molecule("CH3CH2OH")
    triplets = angles.triplets_of_bonds(stability.bonds(atoms))
    assert len(triplets) == 6 + 6 + 1  # of two carbons with four bonds, and oxygen with two
    assert all(atoms.get_distance(centre, end) < 1.6 for a, centre, b in triplets for end in (a, b))


def test_bond_angles_are_ases():
    atoms = molecule("CH3CH2OH")
    triplets = angles.triplets_of_bonds(stability.bonds(atoms))
    found = angles.bond_angles(trajectory(atoms.positions[None], numbers=atoms.numbers), triplets)
    assert list(found) == ["C-C-H", "C-C-O", "C-O-H", "H-C-H", "H-C-O"]
    for kind, density in found.items():
        ends = {tuple(sorted((atoms.symbols[a], atoms.symbols[b]))): None for a, c, b in triplets}
        exact = [
            atoms.get_angle(*each) for each in triplets.tolist() if "-".join(_named(atoms, each)) == kind
        ]
        counts, _ = np.histogram(exact, BINS, (0, 180))
        np.testing.assert_allclose(density[0], counts / (len(exact) * WIDTH))
        assert ends and WIDTH * density.sum() == pytest.approx(1)


def _named(atoms, triplet):
    a, centre, b = (atoms.symbols[k] for k in triplet)
    first, last = sorted((a, b))
    return first, centre, last


def test_four_neighbours_of_a_diamond_are_tetrahedral():
    """Also across the boundaries of the cell, in which every atom has its neighbours."""
    a = 3.57
    base = (
        np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0], [1, 1, 1], [1, 3, 3], [3, 1, 3], [3, 3, 1]])
        * a
        / 4
    )
    shifts = a * np.array([*np.ndindex(2, 2, 2)])
    positions = (base[None] + shifts[:, None]).reshape(-1, 3)
    run = trajectory(np.stack([positions, positions + 0.9]), cell=2 * a * np.eye(3), numbers=np.full(64, 8))
    (found,) = angles.neighbour_angles(run, np.arange(64)).values()
    assert found.shape == (2, BINS)
    assert (CENTRES[found.argmax(axis=1)] == 109).all()
    np.testing.assert_allclose(WIDTH * found.max(axis=1), 1)


def test_neighbours_are_those_of_the_chosen_atoms():
    """Hydrogens nearer than any oxygen do not count."""
    rng = np.random.default_rng(0)
    oxygens = rng.uniform(0, 9, size=(12, 3))
    positions = np.concatenate([oxygens, oxygens + 0.1])
    numbers = np.repeat([8, 1], 12)
    run = trajectory(positions[None], cell=9 * np.eye(3), numbers=numbers)
    both = angles.neighbour_angles(run, np.arange(12))
    alone = angles.neighbour_angles(
        trajectory(oxygens[None], cell=9 * np.eye(3), numbers=numbers[:12]), np.arange(12)
    )
    np.testing.assert_array_equal(both["O-O-O"], alone["O-O-O"])
    with pytest.raises(ValueError, match="3 atoms have no 4 neighbours"):
        angles.neighbour_angles(run, np.arange(3))


def test_overlap_of_two_uniform_distributions():
    """Of equal width, displaced by a part of it: that part does not overlap."""
    ours, theirs = np.zeros((10, 100)), np.zeros((8, 100))
    ours[:, 30:70], theirs[:, 20:60] = 1 / 40, 1 / 40
    found = blocks.overlap_error(ours, theirs, np.random.default_rng(0))
    assert [found.value, found.low, found.high] == pytest.approx([0.25] * 3)
    apart = blocks.overlap_error(ours, np.roll(ours, 45, axis=1), np.random.default_rng(0))
    assert apart.value == pytest.approx(1) and apart.high <= 1
    assert blocks.overlap_error(ours, ours, np.random.default_rng(0)).value == 0
    one = blocks.overlap_error(ours[:1], theirs, np.random.default_rng(0))
    assert one.value == pytest.approx(0.25) and np.isnan(one.low)
    assert np.isnan(blocks.overlap_error(ours[:0], theirs, np.random.default_rng(0)).value)


def test_overlap_is_half_of_the_integrated_difference_of_densities():
    rng = np.random.default_rng(0)
    ours, theirs = (rng.dirichlet(np.ones(20), size=10) for _ in range(2))
    half = blocks.curve_error(ours, theirs, 1.0, np.random.default_rng(0)).value / 2
    assert blocks.overlap_error(ours, theirs, np.random.default_rng(0)).value == pytest.approx(half)
