"""Torsions by type against RDKit's, chain by chain, and what their missing sign means."""

from collections import defaultdict

import numpy as np
import pytest
from bonded_molecules import EMPTY, loop, packed, qm7
from rdkit import Chem
from rdkit.Chem.rdMolTransforms import GetDihedralDeg
from scipy.stats import wasserstein_distance
from test_bond_angles import assert_same, conformer

from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.torsions import by_type, torsion


def is_straight(numbers, near, atom):
    orders = [order for _, order in near[atom]]
    return len(orders) == 2 and sum(orders) >= 4 and numbers[atom] in (6, 7)


def by_rdkit(molecules):
    """[(molecule, torsion)] by type, in no particular order."""
    symbol = Chem.GetPeriodicTable().GetElementSymbol
    found = defaultdict(list)
    for i, (numbers, positions, bonds) in enumerate(molecules):
        geometry = conformer(positions)
        near = defaultdict(list)
        for first, second, order in bonds:
            near[first].append((second, float(order)))
            near[second].append((first, float(order)))
        for b, c, order in bonds:
            if is_straight(numbers, near, b) or is_straight(numbers, near, c):
                continue
            for a, first in near[b]:
                for d, last in near[c]:
                    if a in (c, d) or b == d:
                        continue
                    readings = [((a, b, c, d), (first, float(order), last))]
                    readings.append(tuple(part[::-1] for part in readings[0]))
                    named = [
                        ([symbol(int(numbers[atom])) for atom in atoms], orders) for atoms, orders in readings
                    ]
                    atoms, orders = min(named, key=lambda of: (of[0][:2], of[1][0], of[0][::-1][:2]))
                    name = f"{'-'.join(atoms)}:{','.join(map(str, orders))}"
                    value = abs(GetDihedralDeg(geometry, *map(int, readings[0][0])))
                    found[name].append((i, value))
    return found


def test_real_molecules(shared_data):
    structures, verdicts = qm7(shared_data)
    observations = by_type(Bonded.of(structures, verdicts))
    assert {"H-C-C-H:1.0,1.0,1.0", "C-C-C-H:1.5,1.5,1.0", "C-N-C-H:1.0,1.0,1.0"} <= observations.keys()
    assert_same(observations, by_rdkit(loop(structures, verdicts)), int(verdicts["valid"].sum()))


@pytest.mark.parametrize("molecules", EMPTY.values(), ids=EMPTY)
def test_no_torsions(molecules):
    assert by_type(packed(molecules)) == {}
    assert len(by_type(packed(molecules), ["C-C-C-C:1.0,1.0,1.0"])["C-C-C-C:1.0,1.0,1.0"]) == 0


def chain(numbers, orders):
    """A zigzag, its last atom out of the plane."""
    positions = np.array([[i, i % 2, 0.0] for i in range(len(numbers))])
    positions[-1, 2] = 1
    return np.array(numbers), positions, [(i, i + 1, order) for i, order in enumerate(orders)]


@pytest.mark.parametrize(
    ("numbers", "orders", "names"),
    [
        ([6, 6, 6, 8], [1, 1, 2], ["C-C-C-O:1.0,1.0,2.0"]),
        ([8, 6, 6, 6], [2, 1, 1], ["C-C-C-O:1.0,1.0,2.0"]),
        ([6, 6, 6, 7], [1, 1, 3], []),
        ([6, 6, 6, 6], [1, 2, 2], []),
        ([6, 16, 16, 6], [1, 1, 1], ["C-S-S-C:1.0,1.0,1.0"]),
        ([7, 16, 7, 6], [2, 2, 1], ["C-N-S-N:1.0,2.0,2.0"]),
        ([6, 6, 6, 6, 6], [2, 1, 1, 1], ["C-C-C-C:1.0,1.0,1.0", "C-C-C-C:1.0,1.0,2.0"]),
    ],
)
def test_chains(numbers, orders, names):
    """Read from either end, and not where the chain is straight (nitriles, allenes; not sulfur diimides)."""
    assert sorted(by_type(packed([chain(numbers, orders)]))) == names


def test_a_ring_of_three_has_none_within_itself():
    ring = (
        np.array([6, 6, 6]),
        np.array([[0, 0, 0], [1, 0, 0], [0.5, 0.8, 0]]),
        [(0, 1, 1), (0, 2, 1), (1, 2, 1)],
    )
    assert by_type(packed([ring])) == {}


def test_mirror_images_have_the_same_and_planar_ones_are_exact():
    points = np.random.default_rng(0).normal(size=(4, 100, 3))
    np.testing.assert_allclose(torsion(*points), torsion(*(points * [1, 1, -1])), rtol=1e-13)
    flat = [np.array([[x, y, 0.0]] * 2) for x, y in ((0, 1), (0, 0), (1, 0))]
    ends = np.array([[1.0, 1, 0], [2.0, -1, 0]])
    np.testing.assert_allclose(torsion(*flat, ends), [0, 180], atol=1e-12)


def circular(x, y):
    """Wasserstein-1 on a circle of 360°, of equal numbers: the best of all rotations of the one's order."""
    x, y = np.sort(x), np.sort(y)
    costs = []
    for shift in range(-len(x), len(x) + 1):
        turns = np.floor_divide(np.arange(len(x)) + shift, len(x))
        costs.append(np.abs(y[(np.arange(len(x)) + shift) % len(x)] + 360 * turns - x).mean())
    return min(costs)


def test_without_sign_the_line_is_the_circle_of_both_mirror_images():
    rng = np.random.default_rng(1)
    for _ in range(5):
        x, y = rng.normal(170, 30, 60), rng.normal(-40, 70, 60)
        wrapped = [(each + 180) % 360 - 180 for each in (x, y)]
        both = circular(*(np.concatenate([each, -each]) for each in wrapped))
        assert wasserstein_distance(*map(np.abs, wrapped)) == pytest.approx(both, rel=1e-12)
