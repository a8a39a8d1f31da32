"""Bond angles by type against RDKit's, triple by triple."""

from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest
from bonded_molecules import EMPTY, HAND, loop, packed, qm7
from rdkit import Chem
from rdkit.Chem.rdMolTransforms import GetAngleDeg
from rdkit.Geometry import Point3D

from tutti.benchmark.metrics.bond_angles import by_type
from tutti.benchmark.metrics.bonded import Bonded
from tutti.chemistry.internal_coordinates import bond_angles


def conformer(positions):
    made = Chem.Conformer(len(positions))
    for i, position in enumerate(positions.tolist()):
        made.SetAtomPosition(i, Point3D(*position))
    return made


def by_rdkit(molecules):
    """[(molecule, angle)] by type, in no particular order."""
    table = Chem.GetPeriodicTable()
    found = defaultdict(list)
    for i, (numbers, positions, bonds) in enumerate(molecules):
        geometry = conformer(positions)
        near = defaultdict(list)
        for first, second, order in bonds:
            near[first].append((second, float(order)))
            near[second].append((first, float(order)))
        for middle, neighbours in near.items():
            for ends in combinations(neighbours, 2):
                ends = sorted(ends, key=lambda end: (table.GetElementSymbol(int(numbers[end[0]])), end[1]))
                (a, first), (c, second) = ends
                name = "-".join(table.GetElementSymbol(int(numbers[atom])) for atom in (a, middle, c))
                value = GetAngleDeg(geometry, int(a), int(middle), int(c))
                found[f"{name}:{first},{second}"].append((i, value))
    return found


def assert_same(observations, expected, n_molecules):
    assert set(observations) == set(expected)
    for name, found in observations.items():
        assert found.n_molecules == n_molecules
        assert (np.diff(found.molecule) >= 0).all()
        ours = sorted(zip(found.molecule.tolist(), found.values[:, 0].tolist(), strict=True))
        np.testing.assert_allclose(ours, sorted(expected[name]), atol=1e-6)


def test_real_molecules(shared_data):
    structures, verdicts = qm7(shared_data)
    observations = by_type(Bonded.of(structures, verdicts))
    assert {"C-C-H:1.0,1.0", "C-C-C:1.5,1.5", "C-C-O:1.0,2.0", "C-C-N:1.0,3.0"} <= observations.keys()
    assert_same(observations, by_rdkit(loop(structures, verdicts)), int(verdicts["valid"].sum()))
    counts = list(map(len, observations.values()))
    assert counts == sorted(counts, reverse=True)


def test_chosen_types_in_their_order_and_the_most_frequent():
    bonded = packed(HAND)
    found = by_type(bonded)
    assert list(found) == ["H-C-O:1.0,2.0", "H-O-H:1.0,1.0", "H-C-H:1.0,1.0"]
    assert list(map(len, found.values())) == [2, 2, 1]
    chosen = by_type(bonded, ["N-N-N:1.0,1.0", "H-O-H:1.0,1.0"])
    assert list(chosen) == ["N-N-N:1.0,1.0", "H-O-H:1.0,1.0"]
    assert chosen["N-N-N:1.0,1.0"].values.shape == (0, 1)
    assert chosen["H-O-H:1.0,1.0"].molecule.tolist() == [3, 3]
    assert list(by_type(bonded, 1)) == ["H-C-O:1.0,2.0"]


@pytest.mark.parametrize("molecules", EMPTY.values(), ids=EMPTY)
def test_no_angles(molecules):
    assert by_type(packed(molecules)) == {}
    assert len(by_type(packed(molecules), ["C-C-C:1.0,1.0"])["C-C-C:1.0,1.0"]) == 0


def test_straight_and_folded_angles_are_exact():
    middle, end = np.zeros((3, 3)), np.array([[1.0, 0, 0]] * 3)
    other = np.array([[-2.0, 0, 0], [3.0, 0, 0], [-1.0, 1e-8, 0]])
    np.testing.assert_allclose(
        180 - bond_angles(end, middle, other), [0, 180, np.degrees(1e-8)], rtol=1e-6, atol=1e-20
    )
