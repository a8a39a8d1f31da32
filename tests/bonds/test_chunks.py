import numpy as np
import pandas as pd
import pytest

from tutti.bonds.chunks import head, split
from tutti.formats import extxyz
from tutti.structures import Structures


def samples(n, **columns):
    frames = [(np.array([6, 1]), np.full((2, 3), float(i))) for i in range(n)]
    return Structures.from_frames(frames, columns=columns)


def chunks_of(path, parts):
    paths = [path.with_name(f"{i}.npz") for i in range(parts)]
    split(path, path.with_name("whole.npz"), paths)
    return Structures.load(path.with_name("whole.npz")), [Structures.load(chunk) for chunk in paths]


@pytest.mark.parametrize(("n", "parts"), [(7, 3), (6, 2), (2, 4), (5, 1)])
def test_chunks_are_all_samples_in_order_with_their_places(tmp_path, n, parts):
    extxyz.write(tmp_path / "samples.extxyz", samples(n))
    whole, chunks = chunks_of(tmp_path / "samples.extxyz", parts)
    sizes = [len(chunk) for chunk in chunks]
    assert sum(sizes) == n and max(sizes) - min(sizes) <= 1
    assert [place for chunk in chunks for place in chunk.columns["index"]] == list(range(n))
    assert [name for chunk in chunks for name in chunk.columns["id"]] == whole.columns["id"].tolist()
    assert np.array_equal(np.concatenate([chunk.positions for chunk in chunks]), samples(n).positions)
    assert np.array_equal(whole.positions, samples(n).positions)


def test_ids_are_kept(tmp_path):
    extxyz.write(tmp_path / "samples.extxyz", samples(3, id=np.array(["x", "y", "z"])))
    _, chunks = chunks_of(tmp_path / "samples.extxyz", 2)
    assert [name for chunk in chunks for name in chunk.columns["id"]] == ["x", "y", "z"]


def test_a_broken_sample_keeps_its_place(tmp_path):
    path = tmp_path / "samples.xyz"
    path.write_text("1\n\nH 0 0 0\n1\n\nH 0 zero 0\n1\n\nH 0 0 2\n")
    whole, chunks = chunks_of(path, 3)
    assert whole.n_atoms.tolist() == [1, 0, 1]
    assert "samples.xyz:6" in chunks[1].columns["unreadable"][0]


def test_only_the_head_stays_valid():
    verdicts = pd.DataFrame({"valid": [True, False, True, True]})
    structures = samples(4, index=np.array([5, 6, 7, 8]))
    assert head(verdicts, structures, 8)["valid"].tolist() == [True, False, True, False]
    assert verdicts["valid"].tolist() == [True, False, True, True]
