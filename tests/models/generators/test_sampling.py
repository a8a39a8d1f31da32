import json

import numpy as np
import pytest
import torch

import toy_model
from tutti import io
from tutti.core import registry
from tutti.core.files import sha256
from tutti.models.base import Model
from tutti.models.generators.sampling import sample_to_file

pytestmark = pytest.mark.usefixtures("toy_in_the_registry")


@pytest.fixture
def weights(tmp_path):
    toy_model.new_model().save(tmp_path / "trained")
    return tmp_path / "trained"


def sample(weights, out, **changes):
    arguments = {"n": 25, "seed": 3, "batch_size": 10, "settings": {"limit": 4}, "accelerator": "cpu"}
    sample_to_file(weights, out, **arguments | changes)
    return io.read(out, samples=True)


def test_samples_and_their_columns(weights, tmp_path):
    out = tmp_path / "samples" / "seed3.extxyz"
    structures = sample(weights, out)
    assert structures.columns["id"].tolist() == [f"s{i:06d}" for i in range(25)]
    finished = structures.columns["finished"]
    assert finished.dtype == bool and 0 < finished.sum() < 25
    assert (finished == (structures.n_atoms < 4)).all()
    # Every batch has its own random stream.
    first = structures.positions[structures.offsets[[0, 10, 20]], 0]
    assert len(np.unique(first)) == 3
    assert sorted(path.name for path in out.parent.iterdir()) == ["seed3.extxyz", "seed3.json"]


def test_sidecar(weights, tmp_path):
    structures = sample(weights, tmp_path / "a.extxyz")
    sidecar = json.loads((tmp_path / "a.json").read_text())
    assert sidecar["weights_sha256"] == sha256(weights / "weights.safetensors")
    assert sidecar["model"] == {"kind": "generators", "module": "toy_model", "config": {"noise": 0.0}}
    assert sidecar["sampling"] == {"scale": 1.0, "limit": 4}
    assert (sidecar["seed"], sidecar["n"], sidecar["batch_size"], sidecar["non_finite"]) == (3, 25, 10, 0)
    assert sidecar["unfinished"] == (~structures.columns["finished"]).sum()
    assert sidecar["seconds_per_molecule"] > 0
    assert 10_000_000 < sidecar["peak_memory_bytes"] < 100_000_000_000
    assert sidecar["versions"]["torch"] == torch.__version__


def test_same_seed_same_bytes(weights, tmp_path):
    for name, changes in {"a": {}, "b": {}, "c": {"seed": 4}}.items():
        sample(weights, tmp_path / f"{name}.extxyz", **changes)
    a, b, c = ((tmp_path / f"{name}.extxyz").read_bytes() for name in "abc")
    assert a == b != c


def test_a_killed_sampling_goes_on_with_the_next_batch(weights, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole.extxyz", tmp_path / "parts.extxyz"
    sample(weights, whole)
    calls, original = [], toy_model.ToyModel.sample

    def counted(self, n, *arguments):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(n)
        return original(self, n, *arguments)

    monkeypatch.setattr(toy_model.ToyModel, "sample", counted)
    with pytest.raises(KeyboardInterrupt):
        sample(weights, out)
    assert calls == [10, 10] and not out.exists()
    calls.clear()
    sample(weights, out)
    assert calls == [5] and out.read_bytes() == whole.read_bytes()
    assert not out.with_suffix(".parts").exists()


@pytest.mark.parametrize("change", [{"seed": 4}, {"settings": {"limit": 2}}, {"batch_size": 9}])
def test_batches_of_another_sampling_are_not_used(weights, tmp_path, monkeypatch, change):
    with monkeypatch.context() as patch:
        patch.setattr("tutti.models.generators.sampling.Structures.concatenate", None)
        with pytest.raises(TypeError):
            sample(weights, tmp_path / "a.extxyz")
    assert len(list((tmp_path / "a.parts").glob("*.npz"))) == 3
    sample(weights, tmp_path / "a.extxyz", **change)
    sample(weights, tmp_path / "b.extxyz", **change)
    assert (tmp_path / "a.extxyz").read_bytes() == (tmp_path / "b.extxyz").read_bytes()


def test_coordinates_that_are_not_finite_are_kept_counted_and_warned_about(weights, tmp_path, monkeypatch):
    original = toy_model.ToyModel.sample

    def broken(self, *arguments):
        structures = original(self, *arguments)
        structures.positions[structures.offsets[0]] = np.nan  # two coordinates of one molecule count once
        structures.positions[structures.offsets[3] - 1, 1] = np.inf  # the last atom of molecule 2
        structures.positions[structures.offsets[3], 2] = -np.inf  # the first atom of molecule 3
        return structures

    monkeypatch.setattr(toy_model.ToyModel, "sample", broken)
    out = tmp_path / "a.extxyz"
    with pytest.warns(UserWarning, match="a.extxyz: 9 of 25 molecules have coordinates that are not finite"):
        structures = sample(weights, out)
    assert json.loads(out.with_suffix(".json").read_text())["non_finite"] == 9
    assert len(structures) == 25
    bad = [i for i in range(25) if not np.isfinite(structures.frame(i)[1]).all()]
    assert bad == [0, 2, 3, 10, 12, 13, 20, 22, 23]


def test_bad_input_is_refused(weights, tmp_path, monkeypatch):
    out = tmp_path / "a.extxyz"
    with pytest.raises(
        registry.ConfigError, match=r"sampling of toy_model.*unknown key 'limt'; did you mean 'limit'"
    ):
        sample(weights, out, settings={"limt": 4})
    with pytest.raises(ValueError, match=r"n \(0\) and batch_size \(10\) must be positive"):
        sample(weights, out, n=0)
    with pytest.raises(FileNotFoundError, match=r"config.json: not found"):
        sample(tmp_path / "nowhere", out)

    class NoGenerator(Model):
        kind, module = "forcefields", "toy_model"

        def __init__(self, config):
            super().__init__(config)
            self.linear = torch.nn.Linear(3, 1)
            self.register_buffer("mean", torch.zeros(()))

    monkeypatch.setattr(toy_model, "MODEL", NoGenerator)
    with pytest.raises(ValueError, match="'toy_model' is no generator"):
        sample(weights, out)
    assert not list(tmp_path.glob("a.*"))
