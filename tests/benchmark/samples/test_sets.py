"""Sets of samples: read from files, made of datasets, divided into parts."""

import numpy as np
import pytest

from tutti.benchmark.samples import sets
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
