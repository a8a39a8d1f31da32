"""Who is bonded, and the order of the atoms in which nothing depends on the order of the atoms."""

import numpy as np
import pytest

from known_molecules import known
from tutti.chemistry.bonds.connectivity import RADII, canonical_order, connected
from tutti.chemistry.bonds.graph import bonds_of

EVERYTHING = frozenset(range(1, 119))


def test_radii_are_those_of_the_published_tables():
    """H, C, N, O, F of the specification; heavier ones of RDKit 2023.03's table, P of Meng and Lewis."""
    assert RADII[[1, 6, 7, 8, 9]].tolist() == [0.23, 0.68, 0.68, 0.68, 0.64]
    assert RADII[[14, 15, 16, 17, 35, 53]].tolist() == [1.20, 1.05, 1.02, 0.99, 1.21, 1.40]
    assert RADII.shape == (119,)


@pytest.mark.parametrize(("first", "second", "limit"), [(1, 6, 1.183), (6, 6, 1.768), (7, 9, 1.716)])
def test_a_bond_is_as_long_as_1_3_times_the_radii(first, second, limit):
    numbers = np.array([first, second], dtype=np.uint8)
    for distance, bonds in ((limit - 1e-6, 1), (limit + 1e-6, 0)):
        mol = connected(numbers, np.array([[0, 0, 0], [0, 0, distance]]), EVERYTHING)
        assert mol.GetNumBonds() == bonds


@pytest.mark.parametrize("name", ["C6H6", "CH3CONH2", "C3H4_D2d", "CH3NO2", "bicyclobutane"])
def test_the_canonical_order_gives_one_graph_from_any_order(name):
    numbers, positions = known(name)
    graphs = set()
    for seed in range(10):
        start = np.random.default_rng(seed).permutation(len(numbers))
        mol = connected(numbers[start], positions[start], EVERYTHING)
        order = canonical_order(mol)
        assert sorted(order) == list(range(len(numbers)))
        bonds = bonds_of(mol).renumbered(np.argsort(order))
        elements = numbers[start][order]
        graphs.add((tuple(elements), tuple(bonds.first), tuple(bonds.second)))
    assert len(graphs) == 1
