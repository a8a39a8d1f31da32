"""Pairs of atoms, with and without a cell."""

import numpy as np
import pytest

from tutti.models.forcefields.neighbours import find_pairs

CUTOFF = 4.0


def by_hand(positions, cell, images):
    """{(i, j, rounded vector)} of all pairs, one way round."""
    shifts = np.stack(np.meshgrid(*[np.arange(-images, images + 1)] * 3), axis=-1).reshape(-1, 3) @ cell
    found = set()
    for i, a in enumerate(positions):
        for j, b in enumerate(positions):
            for vector in b - a + shifts:
                if 0.0 < np.linalg.norm(vector) < CUTOFF:
                    found.add((i, j, *np.round(vector, 6)))
    return found


def both_ways(pairs):
    there = {(int(i), int(j), *np.round(v, 6)) for i, j, v in zip(*pairs, strict=True)}
    return there | {(j, i, *np.negative(v)) for i, j, *v in there}


@pytest.mark.parametrize("periodic", [False, True])
def test_pairs_are_those_of_all_atoms_and_images(periodic):
    rng = np.random.default_rng(0)
    cell = np.diag([5.0, 6.0, 7.0]) + rng.normal(scale=0.3, size=(3, 3))
    positions = rng.random((12, 3)) @ cell
    given = {"cell": cell, "pbc": np.ones(3, bool)} if periodic else {}
    pairs = find_pairs(positions, CUTOFF, **given)
    expected = by_hand(positions, cell, images=2 if periodic else 0)
    assert both_ways(pairs) == expected
    assert 2 * len(pairs.first) == len(expected)
    assert pairs.first.dtype == pairs.second.dtype == np.int32


def test_atoms_at_the_cutoff_are_no_pair():
    positions = np.array([[0.0, 0.0, 0.0], [CUTOFF, 0.0, 0.0], [0.0, np.nextafter(CUTOFF, 0.0), 0.0]])
    pairs = find_pairs(positions, CUTOFF)
    assert [(int(i), int(j)) for i, j in zip(pairs.first, pairs.second, strict=True)] == [(0, 2)]


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_and_one_atom_have_no_pairs(n):
    pairs = find_pairs(np.zeros((n, 3)), CUTOFF)
    assert len(pairs.first) == len(pairs.second) == 0 and pairs.vectors.shape == (0, 3)
