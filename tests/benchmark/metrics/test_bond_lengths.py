"""Bond lengths by type against a loop over bonds."""

from collections import defaultdict

import numpy as np
import pytest
from ase.data import chemical_symbols
from bonded_molecules import EMPTY, HAND, loop, packed, qm7

from tutti.benchmark.metrics.bond_lengths import by_type
from tutti.benchmark.metrics.bonded import Bonded
from tutti.statistics.observations import most_frequent


def brute_force(molecules):
    """[(molecule, length)] by type."""
    found = defaultdict(list)
    for i, (numbers, positions, bonds) in enumerate(molecules):
        for first, second, order in bonds:
            pair = sorted(chemical_symbols[numbers[atom]] for atom in (first, second))
            difference = positions[first] - positions[second]
            found[f"{pair[0]}-{pair[1]}:{float(order)}"].append((i, (difference @ difference) ** 0.5))
    return found


def assert_equal(observations, expected, n_molecules):
    for name, found in observations.items():
        assert found.values.shape == (len(found), 1)
        assert found.n_molecules == n_molecules
        assert found.molecule.tolist() == [i for i, _ in expected[name]]
        np.testing.assert_allclose(found.values[:, 0], [length for _, length in expected[name]], rtol=1e-14)


def test_real_molecules(shared_data):
    structures, verdicts = qm7(shared_data)
    observations = by_type(Bonded.of(structures, verdicts))
    expected = brute_force(loop(structures, verdicts))
    assert list(observations) == sorted(expected, key=lambda name: (-len(expected[name]), name))
    assert {"C-C:1.0", "C-C:1.5", "C-C:3.0", "C-O:2.0", "H-N:1.0"} <= observations.keys()
    assert_equal(observations, expected, int(verdicts["valid"].sum()))


def test_hand_made_molecules():
    observations = by_type(packed(HAND))
    assert {name: found.molecule.tolist() for name, found in observations.items()} == {
        "H-O:1.0": [3, 3, 3, 3],
        "C-H:1.0": [0, 0],
        "C-O:2.0": [0],
        "H-H:1.0": [2],
    }
    assert observations["C-O:2.0"].values == pytest.approx(1.2)
    assert observations["C-H:1.0"].values[:, 0] == pytest.approx([1.17**0.5] * 2)


def test_the_alphabet_is_that_of_symbols_not_of_numbers():
    pairs = [(17, 6), (6, 17), (35, 7), (16, 14), (1, 119 - 1)]
    molecules = [(np.array(pair), np.array([[0, 0, 0], [0, 0, 1.0]]), [(0, 1, 1.0)]) for pair in pairs]
    assert list(by_type(packed(molecules))) == ["C-Cl:1.0", "Br-N:1.0", "H-Og:1.0", "S-Si:1.0"]


def test_chosen_types_in_their_order():
    observations = by_type(packed(HAND), ["N-N:2.0", "C-O:2.0"])
    assert list(observations) == ["N-N:2.0", "C-O:2.0"]
    assert observations["N-N:2.0"].values.shape == (0, 1)
    assert observations["N-N:2.0"].n_molecules == 4
    assert_equal(observations, {"N-N:2.0": [], "C-O:2.0": [(0, 1.2)]}, 4)


@pytest.mark.parametrize("molecules", EMPTY.values(), ids=EMPTY)
def test_no_bonds(molecules):
    bonded = packed(molecules)
    assert by_type(bonded) == {}
    assert_equal(by_type(bonded, ["C-C:1.0"]), {"C-C:1.0": []}, len(bonded))


def test_most_frequent_breaks_ties_by_the_alphabet():
    observations = by_type(packed(HAND))
    assert most_frequent(dict(reversed(observations.items()))) == list(observations)
    assert most_frequent(observations, 3) == ["H-O:1.0", "C-H:1.0", "C-O:2.0"]
