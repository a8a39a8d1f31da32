"""The bond-length table: thresholds, stability, and EDM's definition of valid."""

import numpy as np
import pytest
from ase.data import atomic_numbers
from bond_samples import sample, together

from known_molecules import known
from tutti.chemistry.bonds import lookup
from tutti.chemistry.bonds.assignment import Bonds, Reason, has_allowed_valence

# The table of the specification in Å, tolerances included, written out once more: the tests' own reference.
SINGLE = (
    "H-H 0.84, H-C 1.19, H-N 1.11, H-O 1.06, H-F 1.02, C-C 1.64, C-N 1.57, C-O 1.53, C-F 1.45, "
    "N-N 1.55, N-O 1.50, N-F 1.46, O-O 1.58, O-F 1.52, F-F 1.52"
)
DOUBLE = "C-C 1.39, C-N 1.34, C-O 1.25, N-N 1.30, N-O 1.26, O-O 1.26"
TRIPLE = "C-C 1.23, C-N 1.19, C-O 1.16, N-N 1.13"
BOUNDARIES = [
    (*entry.split(), order)
    for order, line in ((1, SINGLE), (2, DOUBLE), (3, TRIPLE))
    for entry in line.split(", ")
]


def order_at(first: str, second: str, distance: float) -> float:
    verdict = lookup.assign(
        *sample([atomic_numbers[first], atomic_numbers[second]], [[0, 0, 0], [0, 0, distance]])
    )
    return verdict.bonds.order[0] if len(verdict.bonds) else 0


@pytest.mark.parametrize(("pair", "limit", "order"), BOUNDARIES)
def test_order_changes_at_each_boundary(pair, limit, order):
    first, second = pair.split("-")
    for a, b in ((first, second), (second, first)):
        assert order_at(a, b, float(limit) - 1e-6) == order
        assert order_at(a, b, float(limit) + 1e-6) == order - 1


def test_table_has_exactly_the_published_entries_for_qm9_elements():
    qm9 = [atomic_numbers[symbol] for symbol in "HCNOF"]
    entries = (lookup._LIMITS[:, qm9][:, :, qm9] > 0).sum(axis=(1, 2))
    # Each pair of different elements stands twice.
    np.testing.assert_array_equal(entries, [25, 6 + 3, 4 + 2])


def test_higher_orders_have_lower_limits():
    single, double, triple = lookup._LIMITS
    assert (double[double > 0] < single[double > 0]).all()
    assert (triple[triple > 0] < double[triple > 0]).all()


def test_stability_of_hand_counted_samples():
    # CH3: the three H are stable, C is not; beside it a whole CH4.
    verdict = lookup.assign(*together(known("CH3"), known("CH4")))
    assert (verdict.n_stable_atoms, verdict.molecule_stable) == (3 + 5, False)
    verdict = lookup.assign(*known("CH4"))
    assert (verdict.n_stable_atoms, verdict.molecule_stable) == (5, True)


def test_stability_counts_atoms_of_samples_that_are_not_valid():
    numbers, positions = known("CH4")
    fifth = sample([*numbers, 1], [*positions, [0, 0, 1.0]])
    verdict = lookup.assign(*fifth)
    assert verdict.reason == Reason.VALENCE
    assert not verdict.molecule_stable
    assert 0 < verdict.n_stable_atoms < 6


def test_allowed_valences():
    numbers = np.array([1, 6, 7, 8, 9, 16, 16, 16, 15, 15, 6, 6, 1, 2], dtype=np.uint8)
    valences = np.array([1, 4, 3, 2, 1, 2, 4, 6, 3, 5, 4.5, 3, 99, 0], dtype=float)
    expected = [True] * 10 + [False] * 4
    assert has_allowed_valence(numbers, valences).tolist() == expected


def test_valences_of_bonds():
    bonds = Bonds(np.array([0, 0]), np.array([1, 2]), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(bonds.valences(4), [3, 1, 2, 0])


def test_smiles_is_that_of_the_largest_fragment_while_all_are_judged():
    verdict = lookup.assign(*together(known("H2O"), known("CH3CH2OH"), known("CH4")))
    assert verdict.valid
    assert verdict.smiles == "CCO"
    assert verdict.connected is False
    numbers, positions = known("CH4")
    broken = sample([*numbers, 1], [*positions, [0, 0, 1.0]])
    assert not lookup.assign(*together(known("CH3CH2OH"), broken)).valid


def test_open_valences_are_valid_but_radicals():
    verdict = lookup.assign(*known("CH3"))
    assert verdict.valid
    assert verdict.no_radicals is False
