"""Expected distinct molecules against enumeration of all draws and against a closed form."""

from itertools import combinations
from math import comb

import numpy as np
import pytest

from table_names import NAMES
from tutti.benchmark.metrics.rarefaction import expected_distinct, rarefaction_table, sizes


@pytest.mark.parametrize("occurrences", [[1, 1, 1], [4], [3, 2, 1, 1], [5, 2]])
def test_all_draws_enumerated(occurrences):
    items = [kind for kind, count in enumerate(occurrences) for _ in range(count)]
    for n in range(1, len(items) + 1):
        draws = [len(set(draw)) for draw in combinations(items, n)]
        assert expected_distinct(np.array(occurrences), n, len(items)) == pytest.approx(
            np.mean(draws), rel=1e-12
        )


def test_large_numbers_do_not_overflow():
    kinds, each, n = 5000, 20, 10_000
    absent = np.exp(sum(np.log1p(-n / (kinds * each - i)) for i in range(each)))
    found = expected_distinct(np.full(kinds, each), n, kinds * each)
    assert found == pytest.approx(kinds * (1 - absent), rel=1e-9)


def test_more_than_there_are_is_refused():
    with pytest.raises(ValueError, match="cannot be drawn"):
        expected_distinct(np.array([2, 1]), 4, total=3)


def test_table_at_the_full_number_is_what_counting_gives():
    smiles = ["C"] * 6 + ["CC"] * 4 + ["CCC", "O"]
    table = rarefaction_table(smiles, {"C", "O"}, **NAMES)
    full = table[table["subset"] == "n=12"].set_index("metric")["value"]
    assert full["uniqueness"] == pytest.approx(4 / 12)
    assert full["novelty"] == pytest.approx(2 / 4)
    ten = table[table["subset"] == "n=10"].set_index("metric")["value"]
    distinct = sum(1 - comb(12 - c, 10) / comb(12, 10) for c in (6, 4, 1, 1))
    novel = sum(1 - comb(12 - c, 10) / comb(12, 10) for c in (4, 1))
    assert ten["uniqueness"] == pytest.approx(distinct / 10)
    assert ten["novelty"] == pytest.approx(novel / distinct)


def test_without_training_molecules_there_is_no_novelty():
    assert set(rarefaction_table(["C", "C"], None, **NAMES)["metric"]) == {"uniqueness"}


def test_no_valid_molecule_gives_no_row():
    assert rarefaction_table([], None, **NAMES).empty


def test_sizes():
    assert sizes(0) == []
    assert sizes(7) == [7]
    assert sizes(500) == [10, 20, 50, 100, 200, 500]
    assert sizes(501) == [10, 20, 50, 100, 200, 500, 501]
