"""Occurrences per molecule against counting by hand and in loops."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from ase.data import chemical_symbols
from bonded_molecules import EMPTY, HAND, environments_of, loop, packed, qm7
from scipy.sparse import csr_array

from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.frequencies import Counts, aligned, atom_types, local_environments, ring_sizes


def rows(counts: Counts) -> list[dict[str, int]]:
    """{name: occurrences} of each molecule."""
    assert counts.per_molecule.shape == (len(counts), len(counts.names))
    assert counts.per_molecule.dtype == np.int64
    dense = counts.per_molecule.toarray().tolist()
    return [{name: n for name, n in zip(counts.names, row, strict=True) if n} for row in dense]


def test_real_molecules(shared_data):
    structures, verdicts = qm7(shared_data)
    bonded, molecules = Bonded.of(structures, verdicts), list(loop(structures, verdicts))
    elements = [dict(Counter(chemical_symbols[number] for number in numbers)) for numbers, *_ in molecules]
    assert atom_types(bonded).names == ["H", "C", "N", "O"]
    assert rows(atom_types(bonded)) == elements

    environments = [{} for _ in molecules]
    for name, _, i, _ in environments_of(molecules):
        environments[i][name] = environments[i].get(name, 0) + 1
    assert rows(local_environments(bonded)) == environments


def test_hand_made_molecules():
    bonded = packed(HAND)
    water = {"H": 4, "O": 2}
    assert rows(atom_types(bonded)) == [{"H": 2, "C": 1, "O": 1}, {"N": 1}, {"H": 2}, water]
    assert rows(local_environments(bonded)) == [{"C:H2,O1": 1}, {}, {}, {"O:H2": 2}]


def test_ring_sizes(tmp_path):
    frame = pd.DataFrame({"valid": [True, False, True, True], "ring_sizes": [[5, 6, 6, 12], [3], [], [3, 5]]})
    frame.to_parquet(tmp_path / "verdicts.parquet")
    for verdicts in (frame, pd.read_parquet(tmp_path / "verdicts.parquet")):
        counts = ring_sizes(verdicts)
        assert counts.names == ["3", "5", "6", "12"]
        assert rows(counts) == [{"5": 1, "6": 2, "12": 1}, {}, {"3": 1, "5": 1}]


@pytest.mark.parametrize("rings", [[], [[], []]], ids=["no molecules", "no rings"])
def test_no_rings(rings):
    verdicts = pd.DataFrame({"valid": [True] * len(rings), "ring_sizes": pd.Series(rings, dtype=object)})
    assert ring_sizes(verdicts).names == []
    assert rows(ring_sizes(verdicts)) == [{}] * len(rings)


@pytest.mark.parametrize("molecules", EMPTY.values(), ids=EMPTY)
def test_nothing_to_count(molecules):
    bonded = packed(molecules)
    assert rows(local_environments(bonded)) == [{}] * len(bonded)
    assert rows(atom_types(bonded)) == [{"N": 1}] * len(bonded)


def test_aligned_counts_have_the_same_names_and_numbers():
    a = Counts(["C", "H"], csr_array(np.array([[1, 4], [0, 2], [0, 0]])))
    b = Counts(["O", "H", "N"], csr_array(np.array([[1, 2, 0], [0, 3, 1]])))
    for first, second in ((a, b), (b, a), (a, a)):
        pair = aligned(first, second)
        assert pair[0].names == pair[1].names == list(dict.fromkeys(first.names + second.names))
        assert [rows(counts) for counts in pair] == [rows(first), rows(second)]


def test_aligned_with_nothing():
    a, nothing = Counts(["C"], csr_array(np.array([[2]]))), Counts([], csr_array((0, 0), dtype=np.int64))
    pair = aligned(nothing, a)
    assert [counts.names for counts in pair] == [["C"], ["C"]]
    assert [rows(counts) for counts in pair] == [[], [{"C": 2}]]


def test_aligning_leaves_the_original_alone():
    a = Counts(["b", "a"], csr_array(np.array([[1, 2], [3, 4]])))
    b = Counts(["a", "b"], csr_array(np.array([[5, 6]])))
    aligned(b, a)[1].per_molecule.sum(axis=0)
    aligned(a, b)[1].per_molecule.sum_duplicates()
    np.testing.assert_array_equal(a.per_molecule.toarray(), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(b.per_molecule.toarray(), [[5, 6]])
