"""Splits: sizes, the tie to the dataset, and what leaks from one part into another."""

import hashlib
import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from tutti.core import records
from tutti.core.registry import ConfigError, from_dict
from tutti.core.structures import Structures
from tutti.data.leakage import TOLERANCE, leakage
from tutti.data.splits import PARTS, SplitConfig, Splits, make_splits
from tutti.io import read


def random_structures(n, seed=0, **columns):
    """n different structures of three to nine atoms of H, C and O."""
    rng = np.random.default_rng(seed)
    frames = [(rng.choice([1, 6, 8], size), rng.normal(0, 2, (size, 3))) for size in rng.integers(3, 10, n)]
    return Structures.from_frames(frames, columns=columns)


@pytest.fixture(autouse=True)
def no_other_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("sizes", "n", "expected"),
    [
        ((100_000, 17_748, 13_083), 130_831, (100_000, 17_748, 13_083)),
        ((110_000, 10_000, "rest"), 130_831, (110_000, 10_000, 10_831)),
        (("rest", 10, 20), 100, (70, 10, 20)),
        ((0.8, 0.1, 0.1), 100, (80, 10, 10)),
        ((0.29, 0.57, "rest"), 100, (29, 57, 14)),
        ((0.5, 0.25, 0.25), 7, (3, 1, 1)),
        ((950, 50, "rest"), 1000, (950, 50, 0)),
        ((1.0, 0, 0.0), 5, (5, 0, 0)),
        ((1, 0, 0), 5, (1, 0, 0)),
    ],
)
def test_counts(sizes, n, expected):
    assert SplitConfig(*sizes).counts(n) == expected


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((60, 30, 11), r"train 60, valid 30, test 11\) needs 101 structures; the dataset has 100"),
        ((0.9, 20, 0), r"needs 110 structures; the dataset has 100"),
        ((101, 0, "rest"), r"needs 101 structures"),
        ((0, 50, 50), "leaves none for training"),
        (("rest", 50, 50), "leaves none for training"),
        ((0.001, 50, 50), "leaves none for training"),
        ((50, -1, 50), "valid: -1 is negative"),
        ((50.0, 10, 10), r"train: 50\.0 is no fraction"),
        ((50, 10, -0.5), r"test: -0\.5 is no fraction"),
        (("rest", 10, "rest"), "only one of train, valid and test"),
    ],
)
def test_impossible_sizes(sizes, message):
    with pytest.raises(ValueError, match=message):
        SplitConfig(*sizes).counts(100)


def test_configuration_from_yaml():
    mapping = {"train": 100, "valid": 0.25, "test": "rest", "seed": 3}
    assert from_dict(SplitConfig, mapping, "x.split") == SplitConfig(100, 0.25, "rest", seed=3)
    for wrong in ("all", None, True, [1]):
        with pytest.raises(ConfigError, match=r"x\.split\.test"):
            from_dict(SplitConfig, mapping | {"test": wrong}, "x.split")


# ---------------------------------------------------------------- permutation


def test_parts_are_disjoint_random_and_complete():
    structures = random_structures(500)
    splits = make_splits(structures, SplitConfig(300, 100, "rest", seed=1))
    assert [len(getattr(splits, name)) for name in PARTS] == [300, 100, 100]
    together = np.concatenate([splits.train, splits.valid, splits.test])
    assert sorted(together) == list(range(500))
    # A third of the first half would be a fault of the shuffle at more than five standard deviations.
    assert 150 - 40 < (splits.train < 250).sum() < 150 + 40


def test_seed_decides():
    structures = random_structures(100)
    first, again, other = (make_splits(structures, SplitConfig(50, 20, 30, seed=s)) for s in (1, 1, 2))
    assert all(np.array_equal(getattr(first, name), getattr(again, name)) for name in PARTS)
    assert not np.array_equal(first.train, other.train)


def test_a_smaller_training_set_is_part_of_a_larger_one():
    structures = random_structures(100)
    small, large = (make_splits(structures, SplitConfig(k, 0, 0)).train for k in (20, 70))
    assert np.array_equal(small, large[:20])


# ---------------------------------------------------------------- a column that says what is for what


def marked(n=100):
    """Three fifths to train on, a fifth to test on, a fifth for nothing; and their rows."""
    marks = np.array(["train", "train", "test", "train", ""] * (n // 5))
    return random_structures(n, part=marks), marks


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((40, 10, 15), (40, 10, 15)),
        ((40, "rest", "rest"), (40, 20, 20)),
        (("rest", 0, 0), (60, 0, 0)),
        ((0.5, 0.25, 0.5), (30, 15, 10)),
    ],
)
def test_parts_are_drawn_from_what_is_marked_for_them(sizes, expected):
    structures, marks = marked()
    splits = make_splits(structures, SplitConfig(*sizes, column="part"))
    assert tuple(len(getattr(splits, name)) for name in PARTS) == expected
    together = [*splits.train, *splits.valid]
    assert set(together) <= set(np.flatnonzero(marks == "train"))
    assert set(splits.test) <= set(np.flatnonzero(marks == "test"))
    assert len(set(together)) == len(together) and len(set(splits.test)) == len(splits.test)


def test_marked_parts_are_permuted_by_the_seed():
    structures, _ = marked()
    one, again, other = (make_splits(structures, SplitConfig(40, 20, 20, s, "part")) for s in (1, 1, 2))
    assert np.array_equal(one.train, again.train) and np.array_equal(one.test, again.test)
    assert not np.array_equal(one.train, other.train) and not np.array_equal(one.test, other.test)
    assert sorted(one.test) == sorted(other.test) and list(one.test) != sorted(one.test)


def test_a_column_where_everything_is_for_training_gives_what_no_column_gives():
    structures = random_structures(50, part=np.full(50, "train"))
    with_column = make_splits(structures, SplitConfig(30, 10, 0, column="part"))
    without = make_splits(structures, SplitConfig(30, 10, 0))
    assert np.array_equal(with_column.train, without.train)
    assert np.array_equal(with_column.valid, without.valid)


@pytest.mark.parametrize(
    ("sizes", "column", "message"),
    [
        ((61, 0, 0), "part", r"train 61, valid 0\) needs 61 structures; the dataset has 60 marked for it in"),
        ((50, 0, 21), "part", r"test 21\) needs 21 structures; the dataset has 20 marked for it"),
        (("rest", 60, 0), "part", "leaves none for training"),
        ((10, 0, 0), "prat", r"no column of text 'prat'; did you mean 'part'\?"),
        ((10, 0, 0), "weight", r"no column of text 'weight'; \(known: part\)"),
    ],
)
def test_impossible_columns(sizes, column, message):
    structures, _ = marked()
    structures = structures.with_columns(weight=np.ones(100))
    with pytest.raises(ValueError, match=message):
        make_splits(structures, SplitConfig(*sizes, column=column))


def test_rest_twice_of_the_same_structures():
    structures, _ = marked()
    with pytest.raises(ValueError, match="only one of train and valid can be 'rest'"):
        make_splits(structures, SplitConfig("rest", "rest", 0, column="part"))


def test_the_validation_set_has_a_mark_of_its_own_where_the_column_has_one():
    marks = np.array(["train", "Validation", "test", "train", "val", "TRAINING", "", "valid"] * 5)
    structures = random_structures(40, fold=marks)
    splits = make_splits(structures, SplitConfig("rest", "rest", "rest", column="fold"))
    assert sorted(splits.train) == np.flatnonzero(np.isin(marks, ["train", "TRAINING"])).tolist()
    assert sorted(splits.valid) == np.flatnonzero(np.isin(marks, ["Validation", "val", "valid"])).tolist()
    assert sorted(splits.test) == np.flatnonzero(marks == "test").tolist()
    halves = make_splits(structures, SplitConfig(0.5, 0.2, 0.4, column="fold"))
    assert [len(getattr(halves, name)) for name in PARTS] == [7, 3, 2]
    with pytest.raises(ValueError, match=r"valid 16\) needs 16 structures; the dataset has 15 marked for it"):
        make_splits(structures, SplitConfig(1, 16, 0, column="fold"))


def test_what_is_marked_for_no_part_is_told():
    structures = random_structures(6, fold=np.array(["train", "hold-out", "train", "", "hold-out", "test"]))
    with pytest.warns(UserWarning, match="column 'fold': 2 of 6 .* no part: they are marked 'hold-out'"):
        splits = make_splits(structures, SplitConfig("rest", 0, "rest", column="fold"))
    assert sorted(splits.train) == [0, 2] and splits.test.tolist() == [5]


def test_structures_of_several_files_are_drawn_from_the_file_of_their_part(tmp_path):
    frame = "3\nenergy={}\nO 0 0 0\nH 0 0 0.97\nH 0 {} 0\n"
    for name, lengths in (("a", (0.9, 0.95, 1.0, 1.05)), ("b", (0.7, 0.75)), ("c", (1.2, 1.25, 0.95))):
        (tmp_path / f"{name}.xyz").write_text("".join(frame.format(-10 * x, x) for x in lengths))
    paths = {"train": tmp_path / "a.xyz", "valid": tmp_path / "b.xyz", "test": tmp_path / "c.xyz"}
    whole = SplitConfig("rest", "rest", "rest", column="split")
    with pytest.warns(
        UserWarning, match="leakage: 1 of 3 in test have a structure identical to one in train"
    ):
        splits = make_splits(read(paths), whole)
    assert [sorted(getattr(splits, name)) for name in PARTS] == [[0, 1, 2, 3], [4, 5], [6, 7, 8]]
    del paths["valid"]
    with pytest.warns(UserWarning, match="leakage"):
        splits = make_splits(read(paths), SplitConfig("rest", 1, "rest", column="split"))
    assert sorted([*splits.train, *splits.valid]) == [0, 1, 2, 3] and sorted(splits.test) == [4, 5, 6]


def test_bytes_of_a_splits_file_without_a_column_stay_as_they_were(tmp_path):
    """The file that was written before there were columns."""
    make_splits(random_structures(12), SplitConfig(6, 3, 2, seed=4)).save(tmp_path / "a.json")
    lines = (tmp_path / "a.json").read_bytes().splitlines(keepends=True)
    assert lines[1].startswith(b'"seal": ')
    assert hashlib.sha256(b"".join([lines[0], *lines[2:]])).hexdigest() == (
        "5120ee019b33b017fef0e6f85f1a74d45d52ade4abec6b382d307036831f16b9"
    )


# ---------------------------------------------------------------- files


def test_saved_and_loaded(tmp_path):
    ids = np.array([f"gdb_{i:06d}" for i in range(100)])
    structures = random_structures(100, id=ids)
    splits = make_splits(structures, SplitConfig(60, 20, 10, seed=5))
    splits.save(tmp_path / "a.json")
    structures.save(tmp_path / "data.npz")
    loaded = Splits.load(tmp_path / "a.json", Structures.load(tmp_path / "data.npz"))
    for name in PARTS:
        assert np.array_equal(getattr(loaded, name), getattr(splits, name))
        assert getattr(loaded, name).dtype == np.int64
    assert (loaded.seed, loaded.digest, loaded.leakage) == (5, structures.digest, splits.leakage)
    loaded.save(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["dataset_digest"] == structures.digest
    assert content["sizes"] == {"train": 60, "valid": 20, "test": 10}
    assert content["test_ids"] == ids[splits.test].tolist()


def test_a_structure_to_look_at_is_one_that_was_not_trained_on_where_there_is_one():
    structures = random_structures(10)
    for sizes, part in (((5, 3, 2), "test"), ((7, 3, 0), "valid"), ((10, 0, 0), "train")):
        splits = make_splits(structures, SplitConfig(*sizes))
        assert splits.example.tolist() == getattr(splits, part)[:1].tolist()
    with pytest.raises(ValueError, match="the splits are empty"):
        replace(splits, train=splits.test).example  # noqa: B018


def test_no_ids_without_a_column_of_them(tmp_path):
    structures = random_structures(10)
    make_splits(structures, SplitConfig(5, 3, 2)).save(tmp_path / "a.json")
    assert "train_ids" not in json.loads((tmp_path / "a.json").read_text())


def test_another_dataset_is_refused(tmp_path):
    structures = random_structures(100)
    make_splits(structures, SplitConfig(60, 20, 20)).save(tmp_path / "a.json")
    with pytest.raises(
        ValueError, match=r"a\.json: made for another dataset: its digest is .*; make the spl"
    ):
        Splits.load(tmp_path / "a.json", structures[:99])
    moved = structures.positions.copy()
    moved[0, 0] += 1e-9
    other = Structures(structures.n_atoms, structures.numbers, moved)
    with pytest.raises(ValueError, match="made for another dataset"):
        Splits.load(tmp_path / "a.json", other)


@pytest.mark.parametrize("text", ["", "[]", '{"train": [1]}', '{"train": 1'])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"a\.json: has no checksum"):
        Splits.load(tmp_path / "a.json", random_structures(3))
    records.write(tmp_path / "a.json", {"train": [1]})
    with pytest.raises(ValueError, match=r"a\.json: not a splits file"):
        Splits.load(tmp_path / "a.json", random_structures(3))


# ---------------------------------------------------------------- leakage


def counts(structures, kind="structures", **parts):
    found = leakage(structures, {name: np.array(part, dtype=int) for name, part in parts.items()})
    return {pair: (hits["count"], hits["examples"]) for pair, hits in found[kind].items()}


def pair_of(first, second):
    """(count, examples) for two (numbers, positions), the first in training and the second in test."""
    return counts(Structures.from_frames([first, second]), train=[0], test=[1])["train-test"]


def molecule():
    rng = np.random.default_rng(3)
    return np.array([6, 6, 8, 1, 1, 1, 1]), rng.normal(0, 1.5, (7, 3))


def test_a_moved_renumbered_or_mirrored_copy_is_identical():
    numbers, positions = molecule()
    order = np.array([3, 1, 6, 0, 5, 2, 4])
    moved = Rotation.from_euler("xyz", [0.3, -1.1, 2.0]).apply(positions)[order] + [5.0, -7.0, 11.0]
    assert pair_of((numbers, positions), (numbers[order], moved)) == (1, [[0, 1]])
    assert pair_of((numbers, positions), (numbers[order], -moved)) == (1, [[0, 1]])
    noisy = positions + np.random.default_rng(0).uniform(-TOLERANCE / 4, TOLERANCE / 4, positions.shape)
    assert pair_of((numbers, positions), (numbers, noisy)) == (1, [[0, 1]])


def test_what_is_not_identical():
    numbers, positions = molecule()
    shifted = positions.copy()
    shifted[4, 2] += 0.1
    nitrogen = np.where(numbers == 8, 7, numbers)
    swapped = numbers[[2, 1, 0, 3, 4, 5, 6]]
    for other in (
        (numbers, shifted),
        (nitrogen, positions),
        (swapped, positions),
        (numbers[:6], positions[:6]),
    ):
        assert pair_of((numbers, positions), other) == (0, [])


def test_rotamers_are_not_identical():
    """Ethane's atoms keep their distances from the centre when a methyl group turns."""
    angles = np.deg2rad([0, 120, 240])
    ring = np.column_stack([1.02 * np.cos(angles), 1.02 * np.sin(angles)])
    turned = np.column_stack([1.02 * np.cos(angles + np.pi / 3), 1.02 * np.sin(angles + np.pi / 3)])
    carbons = np.array([[0, 0, 0.76], [0, 0, -0.76]])
    upper = np.column_stack([ring, np.full(3, 1.16)])
    numbers = np.array([6, 6, 1, 1, 1, 1, 1, 1])
    eclipsed = np.vstack([carbons, upper, np.column_stack([ring, np.full(3, -1.16)])])
    staggered = np.vstack([carbons, upper, np.column_stack([turned, np.full(3, -1.16)])])
    assert pair_of((numbers, eclipsed), (numbers, staggered)) == (0, [])


def test_single_atoms_and_empty_structures():
    atom = (np.array([1]), np.zeros((1, 3)))
    nothing = (np.empty(0), np.empty((0, 3)))
    assert pair_of(atom, (np.array([1]), np.ones((1, 3)))) == (1, [[0, 1]])
    assert pair_of(atom, (np.array([2]), np.zeros((1, 3)))) == (0, [])
    assert pair_of(atom, nothing) == (0, [])


def test_every_pair_of_parts_is_counted():
    base = random_structures(6)
    structures = base[np.array([0, 1, 2, 3, 4, 5, 0, 1, 1, 2])]
    found = counts(structures, train=[0, 1, 2], valid=[3, 6, 7, 8], test=[4, 5, 9])
    assert found["train-valid"] == (3, [[0, 6], [1, 7], [1, 8]])
    assert found["train-test"] == (1, [[2, 9]])
    assert found["valid-test"] == (0, [])


def test_copies_within_one_part_leak_nothing():
    structures = random_structures(3)[np.array([0, 0, 1, 2])]
    assert counts(structures, train=[0, 1], test=[2, 3])["train-test"] == (0, [])


def test_smiles_in_two_parts():
    structures = random_structures(6, smiles=np.array(["C", "CC", "", "C", "", "O"]))
    found = counts(structures, kind="smiles", train=[0, 1, 2], test=[3, 4, 5])
    assert found["train-test"] == (1, [[0, 3]])


def test_leaks_are_warned_of_and_written(tmp_path):
    base = random_structures(20, smiles=np.array([f"S{i}" for i in range(20)]))
    structures = base[np.tile(np.arange(20), 2)]
    with pytest.warns(UserWarning) as caught:
        splits = make_splits(structures, SplitConfig(20, 0, 20))
    twins = len(set(splits.train % 20) & set(splits.test % 20))
    leaking = int(np.isin(splits.test % 20, splits.train % 20).sum())
    assert twins > 0
    messages = sorted(str(warning.message) for warning in caught)
    assert messages[0].startswith(
        f"leakage: {leaking} of 20 in test have a structure identical to one in train"
    )
    assert messages[1].startswith(f"leakage: {leaking} of 20 in test have the SMILES of one in train")
    assert len(messages) == 2
    splits.save(tmp_path / "a.json")
    written = json.loads((tmp_path / "a.json").read_text())["leakage"]
    assert written["tolerance"] == TOLERANCE
    for kind in ("structures", "smiles"):
        assert written[kind]["train-test"]["count"] == leaking
        assert len(written[kind]["train-test"]["examples"]) == min(10, leaking)


def test_real_molecules_against_all_their_distances(shared_data):
    """The first QM9 geometries occur three times in this file: found also by comparing every distance."""
    structures = read(shared_data / "qm9_first339.xyz")
    parts = {"train": np.arange(0, 339, 2), "test": np.arange(1, 339, 2)}
    keys = []
    for i in range(len(structures)):
        numbers, positions = structures.frame(i)
        keys.append((tuple(sorted(numbers.tolist())), np.sort(pdist(positions))))
    expected = sum(
        any(
            keys[i][0] == keys[j][0] and np.abs(keys[i][1] - keys[j][1]).max(initial=0) < TOLERANCE
            for i in parts["train"]
        )
        for j in parts["test"]
    )
    assert expected > 100
    assert leakage(structures, parts)["structures"]["train-test"]["count"] == expected
