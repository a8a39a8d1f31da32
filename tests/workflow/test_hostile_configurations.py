"""Configurations and records that would eat the machine are refused in a line, by name and place."""

import os

import pytest

from tutti.core import json_text, records
from tutti.core.registry import ConfigError
from tutti.core.seals import DamagedFile
from tutti.workflow.reading import read

LAUGHS = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)
MERGED = "a0: &a0 {k: 1}\n" + "".join(
    f"a{i}: &a{i} {{x: [{', '.join([f'*a{i - 1}'] * 20)}]}}\n" for i in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, r"x\.yaml:6:5: its aliases make more than 1,000,000 values"),
        (MERGED, r"x\.yaml:\d+:\d+: its aliases make more than 1,000,000 values"),
        ("a: &a [*a]\n", r"x\.yaml:1:\d+: its aliases make .*, or it holds itself"),
        ("a: " + "[" * 100_000 + "]" * 100_000, r"x\.yaml:1:\d+: nests more than 50 levels deep"),
        ("".join(f"{' ' * i}a:\n" for i in range(2000)), r"x\.yaml:\d+:\d+: nests more than 50 levels deep"),
        ("a: " + "[" * 40, r"x\.yaml:\d+:\d+: no YAML"),
        ("# " + "x" * 10**7, r"x\.yaml: 10 MB, a configuration has at most 10 MB"),
    ],
)
def test_configurations_that_grow(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_aliases_that_are_sound(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("a: &a {b: 1}\nc: [*a, *a]\nd:\n  <<: *a\n  e: 2\n")
    assert read(path) == {"a": {"b": 1}, "c": [{"b": 1}] * 2, "d": {"b": 1, "e": 2}}


def test_no_configuration_but_a_pipe_or_a_device(tmp_path):
    os.mkfifo(tmp_path / "x.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read: .*x\.yaml: is a pipe"):
        read(tmp_path / "x.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read: /dev/zero: is a device"):
        read("/dev/zero")


def test_json_that_nests(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    path.write_text("[" * 200_000 + "]" * 200_000)
    with pytest.raises(ValueError, match="JSON text that nests too deeply"):
        json_text.read(path)
    with pytest.raises(DamagedFile, match=r"x\.json: no JSON \(JSON text that nests too deeply\)"):
        records.read(path, by_hand=True)
    monkeypatch.setattr(json_text, "MOST", 1000)
    with pytest.raises(ValueError, match=r"x\.json: JSON of 0 MB, more than the 0 MB"):
        json_text.read(path)
    os.mkfifo(tmp_path / "y.json")
    with pytest.raises(OSError, match=r"y\.json: is a pipe"):
        json_text.read(tmp_path / "y.json")
