"""Packing of valid molecules, against a loop."""

import numpy as np
import pandas as pd
import pytest
from bonded_molecules import EMPTY, HAND, judged, loop, packed, qm7

from tutti.benchmark.metrics.bonded import Bonded


def assert_holds(bonded, molecules):
    """That `bonded` is these (numbers, positions, bonds)."""
    assert len(bonded) == len(molecules)
    start = 0
    for i, (numbers, positions, bonds) in enumerate(molecules):
        stop = start + len(numbers)
        assert bonded.n_atoms[i] == len(numbers)
        assert (bonded.molecule[start:stop] == i).all()
        np.testing.assert_array_equal(bonded.numbers[start:stop], numbers)
        np.testing.assert_array_equal(bonded.positions[start:stop], positions)
        own = (bonded.first >= start) & (bonded.first < stop)
        found = np.stack([bonded.first[own] - start, bonded.second[own] - start, bonded.order[own]], axis=1)
        np.testing.assert_array_equal(found, np.array(bonds).reshape(-1, 3))
        start = stop
    assert len(bonded.first) == sum(len(bonds) for *_, bonds in molecules)


def test_hand_made_molecules():
    assert_holds(packed(HAND), [molecule for molecule in HAND if molecule[2] is not None])


def test_real_molecules_from_parquet(shared_data, tmp_path):
    structures, verdicts = qm7(shared_data)
    verdicts.to_parquet(tmp_path / "verdicts.parquet")
    bonded = Bonded.of(structures, pd.read_parquet(tmp_path / "verdicts.parquet"))
    assert_holds(bonded, list(loop(structures, verdicts)))
    assert bonded.first.dtype == bonded.second.dtype == np.int64


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 9])
def test_head_is_the_first_molecules(n):
    valid = [molecule for molecule in HAND if molecule[2] is not None]
    assert_holds(packed(HAND).head(n), valid[:n])


@pytest.mark.parametrize("molecules", EMPTY.values(), ids=EMPTY)
def test_nothing_to_pack(molecules):
    assert_holds(packed(molecules), [molecule for molecule in molecules if molecule[2] is not None])


def test_lengths_must_agree():
    structures, verdicts = judged(HAND)
    with pytest.raises(ValueError, match="5 structures but 4 verdicts"):
        Bonded.of(structures, verdicts[:4])
