"""Sets of samples: read from files, made of datasets, divided into parts."""

import numpy as np
import pytest

from known_molecules import known
from tutti.benchmark.samples import sets
from tutti.chemistry.bonds.pool import SKELETON, assign_all
from tutti.core.structures import Structures
from tutti.data.splits import SplitConfig, make_splits
from tutti.io import extxyz


def samples(n, **columns):
    frames = [(np.array([6, 1]), np.full((2, 3), float(i))) for i in range(n)]
    return Structures.from_frames(frames, columns=columns)


def parts(structures, n):
    return [sets.part_of(structures, f"-part{i}of{n}") for i in range(1, n + 1)]


@pytest.mark.parametrize(("n", "number"), [(7, 3), (6, 2), (2, 4), (5, 1)])
def test_parts_are_all_samples_in_order_with_their_places(tmp_path, n, number):
    extxyz.write(tmp_path / "samples.extxyz", samples(n))
    whole = sets.read([tmp_path / "samples.extxyz"])
    found = parts(whole, number)
    sizes = [len(part) for part in found]
    assert sum(sizes) == n and max(sizes) - min(sizes) <= 1
    assert [place for part in found for place in part.columns["index"]] == list(range(n))
    assert [name for part in found for name in part.columns["id"]] == whole.columns["id"].tolist()
    assert np.array_equal(np.concatenate([part.positions for part in found]), samples(n).positions)


def test_one_part_is_the_set():
    whole = samples(3)
    assert sets.part_of(whole, "") is whole


def test_ids_are_kept(tmp_path):
    extxyz.write(tmp_path / "samples.extxyz", samples(3, id=np.array(["x", "y", "z"])))
    found = parts(sets.read([tmp_path / "samples.extxyz"]), 2)
    assert [name for part in found for name in part.columns["id"]] == ["x", "y", "z"]


def test_a_broken_sample_keeps_its_place_and_is_warned_of(tmp_path):
    path = tmp_path / "samples.xyz"
    path.write_text("1\n\nH 0 0 0\n1\n\nH 0 zero 0\n1\n\nH 0 0 2\n")
    with pytest.warns(UserWarning, match=r"1 of 3 samples cannot be read; the first: samples.xyz:6"):
        whole = sets.read([path])
    assert whole.n_atoms.tolist() == [1, 0, 1]
    assert "samples.xyz:6" in parts(whole, 3)[1].columns["unreadable"][0]


def test_controls_are_of_their_split(tmp_path):
    dataset = samples(20)
    splits = make_splits(dataset, SplitConfig(train=12, valid=3, test="rest"))
    dataset.save(tmp_path / "data.npz")
    splits.save(tmp_path / "splits.json")
    files = {"dataset": tmp_path / "data.npz", "splits": tmp_path / "splits.json"}
    whole = sets.control_of_dataset("test_split", "test", 2, **files)
    assert np.array_equal(whole.positions, dataset[splits.test].positions)
    copied = sets.control_of_dataset("copied_training", "train", 4, **files)
    known = {dataset.frame(i)[1].tobytes() for i in splits.train}
    assert len(copied) == 4 and all(copied.frame(i)[1].tobytes() in known for i in range(4))
    assert copied.columns["index"].tolist() == [0, 1, 2, 3]


def skeleton(name):
    numbers, positions = known(name)
    return numbers[numbers > 1], positions[numbers > 1]


def of(tmp_path, *frames):
    extxyz.write(tmp_path / "samples.extxyz", Structures.from_frames(frames))
    return sets.read([tmp_path / "samples.extxyz"])


def test_skeletons_are_named_and_not_judged(tmp_path):
    with pytest.warns(UserWarning, match="2 of 3 samples lack their hydrogens.*no_hydrogens.*'given'"):
        found = of(tmp_path, skeleton("C6H6"), skeleton("CH3CH2OH"), known("CF4"))
    assert found.columns[SKELETON].tolist() == [True, True, False]
    verdicts = assign_all(found, "lookup", 1, progress=False)
    assert verdicts["reason"].tolist() == ["no_hydrogens", "no_hydrogens", ""]


@pytest.mark.parametrize(
    "frames",
    [
        [known("CO"), known("CF4"), known("C60")],  # molecules
        [skeleton("C6H6"), known("CF4"), known("C2F4")],  # one failure of a model of fluorocarbons
        [skeleton("C6H6"), known("CH4")],  # and one of a model of all atoms
    ],
)
def test_samples_without_hydrogens_are_samples(tmp_path, frames):
    assert SKELETON not in of(tmp_path, *frames).columns


def test_all_of_the_data_come_in_random_order(tmp_path):
    dataset = samples(50, id=np.array([f"m{i}" for i in range(50)]))
    dataset.save(tmp_path / "data.npz")
    found = sets.control_of_dataset("whole_data", "all", 5, tmp_path / "data.npz", tmp_path / "none.json")
    names = found.columns["id"].tolist()
    assert sorted(names) == sorted(dataset.columns["id"].tolist()) != names
    assert found.columns["index"].tolist() == list(range(50))
    assert [f"m{int(x)}" for x in found.positions[::2, 0]] == names


def test_controls_keep_the_charges_of_their_dataset(tmp_path):
    charged = samples(6, charge=np.array([0.0, 1.0, -1.0, 0.0, 2.0, 0.0]))
    charged.save(tmp_path / "data.npz")
    found = sets.control_of_dataset("whole_data", "all", 6, tmp_path / "data.npz", tmp_path / "none.json")
    assert found.columns["charge"].dtype == np.int64
    assert sorted(found.columns["charge"]) == [-1, 0, 0, 0, 1, 2]
    charge_of = dict(zip(charged.positions[::2, 0], charged.columns["charge"], strict=True))
    assert [charge_of[x] for x in found.positions[::2, 0]] == found.columns["charge"].tolist()
    samples(2, charge=np.array([0.0, 0.5])).save(tmp_path / "half.npz")
    with pytest.raises(ValueError, match=r"half\.npz: the column 'charge' .* not 0\.5"):
        sets.control_of_dataset("whole_data", "all", 2, tmp_path / "half.npz", tmp_path / "none.json")
