"""Files that a run makes again where they are missing."""

import pytest


@pytest.mark.parametrize(
    ("rule", "file"),
    [
        ("train", "train/*/*/*/weights.safetensors"),
        ("sample", "samples/*/*/*.extxyz"),
        ("splits", "data/*.splits.json"),
    ],
)
def test_what_was_damaged_and_deleted_is_made_again(finished, rule, file):
    path = next((finished.root / "results").glob(f"*/{file}"))
    aside = path.with_name("aside")
    path.rename(aside)
    try:
        assert rule in finished.plan()
    finally:
        aside.rename(path)
