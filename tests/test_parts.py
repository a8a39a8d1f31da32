"""Parts on disk: computed once per key."""

import pandas as pd
import pytest

from tutti.parts import Parts


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


def test_a_damaged_part_is_computed_again(tmp_path):
    parts = Parts(tmp_path)
    parts.get("key", lambda: pd.DataFrame({"x": [1]}))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert parts.get("key", lambda: pd.DataFrame({"x": [2]}))["x"].tolist() == [2]
