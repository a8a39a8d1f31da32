"""`tutti sample` and `tutti complete`, with the toy model and a small Symphony."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import toy_model
from tutti import io
from tutti.cli import app
from tutti.core import records
from tutti.models import base

CONFIG = {"elements": ["H", "C", "O"]}


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def toy(tmp_path, toy_in_the_registry):
    """A trained toy in results/run/train/data/toy/seed0."""
    folder = tmp_path / "results/run/train/data/toy/seed0"
    toy_model.MODEL(toy_model.Config()).save(folder)
    return folder


def test_molecules_and_how_they_were_made(toy, tmp_path):
    out = tmp_path / "samples.extxyz"
    result = run("sample", toy.parent, "-n", 25, "--seed", 3, "--batch-size", 10, "--out", out)
    assert result.exit_code == 0, result.output
    assert f"the model: {toy}" in result.output and f"The molecules: {out}" in result.output
    assert io.read(out).columns["id"].tolist() == [f"s{i:06d}" for i in range(25)]
    record = json.loads(out.with_suffix(".json").read_text())
    assert (record["n"], record["seed"], record["batch_size"]) == (25, 3, 10)
    again = tmp_path / "again.xyz"
    assert run("sample", toy, "-n", 25, "--seed", 3, "--batch-size", 10, "--out", again).exit_code == 0
    assert again.read_bytes() == out.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {
        "results",
        "samples.extxyz",
        "samples.json",
        "again.xyz",
        "again.json",
    }


def test_settings_are_those_of_the_run_with_changes(toy, tmp_path):
    record = tmp_path / "results/run/samples/data/toy/seed0.json"
    records.write(record, {"sampling": {"limit": 7}, "batch_size": 4})
    result = run("sample", toy, "-n", 5, "--out", tmp_path / "a.extxyz")
    assert "settings of samples/data/toy/seed0.json" in result.output
    made = json.loads((tmp_path / "a.json").read_text())
    assert made["sampling"]["limit"] == 7 and made["batch_size"] == 4
    assert run("sample", toy, "-n", 5, "--set", "limit=6", "--out", tmp_path / "b.extxyz").exit_code == 0
    assert json.loads((tmp_path / "b.json").read_text())["sampling"]["limit"] == 6
    result = run("sample", toy, "-n", 5, "--set", "limt=6", "--out", tmp_path / "c.extxyz")
    assert result.exit_code == 1 and "did you mean 'limit'?" in result.output
    result = run("sample", toy, "-n", 5, "--set", "6", "--out", tmp_path / "c.extxyz")
    assert result.exit_code == 1 and "--set 6: write NAME=VALUE" in result.output


@pytest.mark.parametrize("name", ["x.extxyz", "x.json", "x.parts/mine.txt", "x.parts"])
def test_nothing_of_the_users_is_written_over(toy, tmp_path, name):
    precious = tmp_path / name
    precious.parent.mkdir(exist_ok=True)
    precious.write_text("precious")
    result = run("sample", toy, "-n", 5, "--out", tmp_path / "x.extxyz")
    assert result.exit_code == 1 and "exists already" in result.output
    assert precious.read_text() == "precious"


def test_a_stopped_sampling_goes_on(toy, tmp_path, monkeypatch):
    out, batches, draw = tmp_path / "x.extxyz", [], toy_model.MODEL.sample

    def stopped(self, n, *arguments):
        if len(batches) == 2:
            raise KeyboardInterrupt
        batches.append(n)
        return draw(self, n, *arguments)

    command = ("sample", toy, "-n", 12, "--batch-size", 4, "--out", out)
    monkeypatch.setattr(toy_model.MODEL, "sample", stopped)
    result = run(*command)
    assert result.exit_code == 130 and "The same command goes on from here" in result.output
    assert not out.exists()
    batches.clear()
    assert run(*command).exit_code == 0 and batches == [4]
    assert len(io.read(out)) == 12 and not (tmp_path / "x.parts").exists()


def test_a_model_that_does_not_complete_says_so(toy, tmp_path):
    (tmp_path / "f.xyz").write_text("1\n\nC 0 0 0\n")
    result = run("complete", toy, tmp_path / "f.xyz", "--out", tmp_path / "x.extxyz")
    assert result.exit_code == 1 and "it cannot complete a part of one" in result.output


@pytest.fixture(scope="module")
def symphony(tmp_path_factory):
    folder = tmp_path_factory.mktemp("symphony")
    base.create("generators", "symphony", CONFIG, seed=0).save(folder)
    return folder


def test_fragments_come_first_and_keep_their_names(symphony, tmp_path):
    fragments = tmp_path / "fragments.extxyz"
    line = "Properties=species:S:1:pos:R:3 id={}\n"
    fragments.write_text(f"1\n{line.format('one')}O 1 2 3\n2\n{line.format('two')}C 0 0 0\nH 0 0 1.09\n")
    out = tmp_path / "whole.extxyz"
    settings = ("--set", "max_atoms=4", "--set", "polar=20", "--set", "azimuths=39")
    result = run("complete", symphony, fragments, "--out", out, *settings)
    assert result.exit_code == 0, result.output
    whole = io.read(out)
    assert whole.columns["id"].tolist() == ["one", "two"] and whole.columns["finished"].dtype == bool
    for i, (numbers, positions) in enumerate([([8], [[1, 2, 3]]), ([6, 1], [[0, 0, 0], [0, 0, 1.09]])]):
        found = whole.frame(i)
        assert found[0][: len(numbers)].tolist() == numbers
        np.testing.assert_allclose(found[1][: len(numbers)], positions, atol=1e-6)
    assert json.loads(out.with_suffix(".json").read_text())["n"] == 2


def test_fragments_that_are_none(symphony, tmp_path):
    (tmp_path / "f.xyz").write_text("1\n\nS 0 0 0\n")
    result = run("complete", symphony, tmp_path / "f.xyz", "--out", tmp_path / "x.extxyz")
    assert result.exit_code == 1 and "S, which the model does not know" in result.output
    (tmp_path / "e.xyz").write_text("0\n\n")
    result = run("complete", symphony, tmp_path / "e.xyz", "--out", tmp_path / "x.extxyz")
    assert result.exit_code == 1 and "fragment 0 has no atoms" in result.output
