"""Parts on disk: computed once per key."""

import warnings

import numpy as np
import pandas as pd
import pytest

from tutti.core.cache import Parts, npz
from tutti.core.structures import Structures


def test_a_part_is_computed_once_per_key(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return pd.DataFrame({"x": [len(calls)]})

    for _ in range(2):
        parts = Parts(tmp_path / "parts")
        assert parts.get(["a", {"n": 1}], compute)["x"].tolist() == [1]
    assert parts.get(["a", {"n": 2}], compute)["x"].tolist() == [2]


def test_a_failed_computation_leaves_nothing(tmp_path):
    parts = Parts(tmp_path)

    def fail():
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        parts.get("key", fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b"",
        lambda b: b[:100],
        lambda b: b[:4] + b"\xff" * 40 + b[44:],
        lambda b: b[:30] + bytes([b[30] ^ 1]) + b[31:],
    ],
)
def test_a_damaged_part_is_computed_again_with_one_warning(tmp_path, damage):
    parts = Parts(tmp_path)
    parts.get("key", lambda: pd.DataFrame({"x": [1]}))
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert parts.find("key") is None
        assert parts.get("key", lambda: pd.DataFrame({"x": [2]}))["x"].tolist() == [2]
        assert parts.find("key")["x"].tolist() == [2]
    (line,) = (str(each.message) for each in caught)
    assert line == f"{path}: damaged since it was written; it is made again"


def test_parts_of_another_kind(tmp_path):
    parts = Parts(tmp_path, npz(Structures))
    assert parts.find(["a", 1]) is None
    made = Structures.from_frames([([6, 1], np.eye(2, 3))], source="by hand")
    assert parts.get(["a", 1], lambda: made).digest == parts.find(["a", 1]).digest == made.digest
    assert parts.find(["a", 2]) is None
    (path,) = tmp_path.iterdir()
    assert path.suffix == ".npz"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.warns(UserWarning, match=f"{path.name}: damaged"):
        assert parts.find(["a", 1]) is None


def test_parts_of_other_versions_are_not_used(tmp_path, monkeypatch):
    parts = Parts(tmp_path)
    parts.get("key", lambda: pd.DataFrame({"x": [1]}))
    monkeypatch.setattr("tutti.core.cache._versions", lambda: ["another version"])
    assert parts.find("key") is None
