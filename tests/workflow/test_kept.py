"""Files that a run makes again where they are missing."""

import os

import pytest


@pytest.fixture
def without(finished):
    """Deletes a file of the finished run until the test ends; gives the jobs that the same command would do."""
    moved = []

    def plan(name):
        path = finished.root / name
        os.rename(path, f"{path}.moved")
        moved.append(path)
        return finished.plan()

    yield plan
    for path in moved:
        os.rename(f"{path}.moved", path)


def test_what_was_damaged_and_deleted_is_made_again(finished, without):
    results = next((finished.root / "results").iterdir())
    files = [next(results.glob(f"{kind}/*/first/seed0{rest}")) for kind, rest in (
        ("train", "/weights.safetensors"), ("samples", ".extxyz"), ("completions", "/train.npz"),
    )]  # fmt: skip
    for rule, path in zip(("train", "sample", "complete"), files, strict=True):
        assert rule in without(path.relative_to(finished.root)), path
