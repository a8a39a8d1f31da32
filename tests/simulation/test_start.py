"""Which atoms lie on one spot, against ASE's neighbour list."""

import ase
import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from tutti.simulation.start import CLOSEST, on_one_spot

CELL = np.array([[4.1, 0.0, 0.0], [1.9, 3.8, 0.0], [-1.6, 0.7, 40.4]])


@pytest.mark.parametrize("pbc", [False, True, (True, False, True), (False, False, True)])
@pytest.mark.parametrize("distance", [0.0, 0.99 * CLOSEST, 1.01 * CLOSEST])
def test_pairs_are_those_of_a_neighbour_list(pbc, distance):
    """A third atom lies so far from an image of the second, over cell boundaries where there are any."""
    for seed in range(20):
        generator = np.random.default_rng(seed)
        places = generator.random((6, 3)) @ CELL
        direction = generator.normal(size=3)
        shift = np.where(pbc, generator.integers(-3, 4, size=3), 0) @ CELL
        places[4] = places[2] + shift + distance * direction / np.linalg.norm(direction)
        atoms = ase.Atoms("H6", places, cell=CELL, pbc=pbc)
        pairs = {(int(i), int(j)) for i, j in zip(*neighbor_list("ij", atoms, CLOSEST), strict=True) if i < j}
        expected = "atoms 2 and 4 (from 0) lie on one spot" if pairs else ""
        assert pairs in (set(), {(2, 4)}) and bool(pairs) == (distance < CLOSEST)
        assert on_one_spot(atoms) == expected


def test_places_on_the_boundary():
    atoms = ase.Atoms("H2", [[-1e-20, 0, 0], [5, 0, 0]], cell=[5, 5, 5], pbc=True)
    assert on_one_spot(atoms) == "atoms 0 and 1 (from 0) lie on one spot"


def test_places_that_are_not_known():
    for far in (np.nan, np.inf, 1e300):
        assert on_one_spot(ase.Atoms("H2", [[far, 0, 0], [far, 0, 0]])) == ""
        assert on_one_spot(ase.Atoms("H2", [[far, 0, 0], [0, 0, 0]], cell=np.eye(3), pbc=True)) == ""
