import numpy as np
import pytest

from tutti.bonds.chunks import split
from tutti.formats import extxyz
from tutti.structures import Structures


def samples(n, **columns):
    frames = [(np.array([6, 1]), np.full((2, 3), float(i))) for i in range(n)]
    return Structures.from_frames(frames, columns=columns)


@pytest.mark.parametrize(("n", "parts"), [(7, 3), (6, 2), (2, 4), (5, 1)])
def test_chunks_are_all_samples_in_order_with_global_ids(tmp_path, n, parts):
    extxyz.write(tmp_path / "samples.extxyz", samples(n))
    paths = [tmp_path / f"{i}.npz" for i in range(parts)]
    split(tmp_path / "samples.extxyz", paths)
    chunks = [Structures.load(path) for path in paths]
    sizes = [len(chunk) for chunk in chunks]
    assert sum(sizes) == n and max(sizes) - min(sizes) <= 1
    assert [name for chunk in chunks for name in chunk.columns["id"]] == [str(i) for i in range(n)]
    positions = np.concatenate([chunk.positions for chunk in chunks])
    assert np.array_equal(positions, samples(n).positions)


def test_ids_are_kept(tmp_path):
    extxyz.write(tmp_path / "samples.extxyz", samples(3, id=np.array(["x", "y", "z"])))
    paths = [tmp_path / "0.npz", tmp_path / "1.npz"]
    split(tmp_path / "samples.extxyz", paths)
    names = [name for path in paths for name in Structures.load(path).columns["id"]]
    assert names == ["x", "y", "z"]
