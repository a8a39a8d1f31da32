"""Another code's predictions for the structures of a dataset."""

from dataclasses import replace

import numpy as np
import pytest

from tutti import io
from tutti.benchmark.forcefields import errors
from tutti.benchmark.forcefields.matching import adopt, match
from tutti.core.structures import Structures

NAMES = {"model": "theirs", "dataset": "data", "seed": 0, "target": "energy"}


@pytest.fixture
def known():
    """Thirty molecules of three kinds, energies and forces known."""
    rng = np.random.default_rng(0)
    kinds = ([6, 1, 1], [1, 6, 1], [8, 1])
    frames = [(kinds[i % 3], rng.random((len(kinds[i % 3]), 3))) for i in range(30)]
    made = Structures.from_frames(frames, energy=rng.normal(size=30), source="data")
    return replace(made, forces=rng.normal(size=(len(made.numbers), 3)))


@pytest.fixture
def theirs(known):
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(len(known.numbers), 3))
    return replace(known, energy=known.energy + rng.normal(size=30), forces=known.forces + noise, source="f")


def test_the_order_of_the_file_makes_no_difference(known, theirs):
    shuffled = theirs[np.random.default_rng(2).permutation(30)]
    found = match(known, shuffled, "")
    np.testing.assert_array_equal(found.energy, theirs.energy)
    np.testing.assert_array_equal(found.forces, theirs.forces)
    assert errors.table(known, found, **NAMES).equals(errors.table(known, theirs, **NAMES))


@pytest.mark.parametrize("name", ["theirs.extxyz", "theirs.npz"])
def test_a_file_gives_the_predictions_of_a_part(known, theirs, name, tmp_path):
    shuffled = theirs[np.random.default_rng(2).permutation(30)]
    rounded = replace(shuffled, positions=shuffled.positions.round(5))
    rounded.save(tmp_path / name) if name.endswith("npz") else io.write(tmp_path / name, rounded)
    adopt(tmp_path / name, known[20:], tmp_path / "out" / "test.npz", {}, {})
    found = Structures.load(tmp_path / "out" / "test.npz")
    np.testing.assert_allclose(found.energy, theirs.energy[20:], rtol=1e-12)
    np.testing.assert_array_equal(found.positions, known[20:].positions)
    assert errors.table(known[20:], found, **NAMES)["value"].notna().all()
    assert name in found.source
    moved = replace(known, positions=known.positions + 1.0)
    with pytest.raises(ValueError, match=rf"{name}: no prediction for the train split: its structure 0"):
        adopt(tmp_path / name, moved, tmp_path / "train.npz", {}, {})


def test_the_first_that_is_missing_is_named(known, theirs):
    kept = np.setdiff1d(np.arange(30), [4, 7])
    with pytest.raises(ValueError, match=r"test split: its structure 4 \(CH2\) is not .*nor are 1 others"):
        match(known, theirs[kept], "no prediction for the test split:")
    moved = theirs.positions.copy()
    moved[-1, 0] += 0.001
    with pytest.raises(ValueError, match="its structure 29"):
        match(known, replace(theirs, positions=moved), "")


def test_the_order_of_atoms_counts(known, theirs):
    swapped = Structures.from_frames(
        [(z[::-1], x[::-1]) for z, x in map(theirs.frame, range(30))],
        energy=theirs.energy,
        forces=theirs.forces,
    )
    with pytest.raises(ValueError, match="its structure 0"):
        match(known, swapped, "")


def test_cells_tell_structures_apart(known, theirs):
    one = known[:1]
    cells = np.stack([np.eye(3) * length for length in (4.0, 5.0)])
    periodic = {"cell": cells, "pbc": np.ones((2, 3), bool)}
    both = replace(known[[0, 0]], energy=np.array([1.0, 2.0]), **periodic)
    wanted = replace(one, cell=cells[1:], pbc=np.ones((1, 3), bool))
    assert match(wanted, both, "").energy.tolist() == [2.0]


def test_contradictions_and_what_is_not_there_are_refused(known, theirs):
    twice = Structures.concatenate([theirs, theirs[3:4]])
    np.testing.assert_array_equal(match(known, twice, "").energy, theirs.energy)
    other = replace(twice, energy=np.append(theirs.energy, 7.0))
    with pytest.raises(ValueError, match="structures 3 and 30 have the same coordinates"):
        match(known, other, "")
    with pytest.raises(ValueError, match="f: holds no forces"):
        match(known, replace(theirs, forces=None), "")
    with pytest.raises(ValueError, match="f: holds no energy"):
        match(replace(known, energy=None), replace(theirs, energy=None), "")
