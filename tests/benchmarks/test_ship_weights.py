"""benchmarks/ship_weights.py: what agrees ships as it is, anything else is refused before it writes."""

import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import ship_weights
import torch
import yaml
from ship_weights import ALL_BYTES, MODEL_BYTES, bytes_of, problems, ship
from shipping import provenance
from shipping.finished import ROOT, Disagreement, Finished, configuration_of

import tutti
from tutti.core import records, tidy
from tutti.core.files import sha256
from tutti.core.registry import from_dict
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.data.splits import SplitConfig, make_splits
from tutti.models import base, shipped
from tutti.models.forcefields.predictions import predict_to_file
from tutti.models.generators.sampling import sample_to_file
from tutti.models.training.config import TrainingConfig
from tutti.models.training.loop import train
from tutti.report import tables

MODELS = {"ethanol": "painn_tiny", "qm9_demo": "gschnet_tiny"}
TRAINING = {"steps": 2, "batch_size": 2, "learning_rate": 1e-3, "validation_every": 1, "checkpoint_every": 2}
STUDY = {
    "run": "small",
    "models": {
        "painn_tiny": {"training": TRAINING},
        "gschnet_tiny": {"training": {**TRAINING, "schedule": "constant", "warmup_steps": 0}},
    },
}
VALUES = {"validity": 0.25, "uniqueness": 0.5, "energy_mae": 20.0, "force_mae": 50.0}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """results/small of two trainings of two steps, and study.yaml."""
    folder = tmp_path_factory.mktemp("ship")
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    run = folder / "results/small"
    for dataset, file in (("ethanol", "ethanol_gfn2.npz"), ("qm9_demo", "qm9_6.npz")):
        structures = Structures.load(EMBEDDED / file)[40:80]
        structures.save(run / f"data/{dataset}.npz")
        splits = make_splits(structures, SplitConfig(train=20, valid=4, test=6))
        splits.save(run / f"data/{dataset}.splits.json")
        done = Finished(run, dataset, MODELS[dataset], folder / "study.yaml")
        settings = from_dict(TrainingConfig, done.entry["training"], "")
        kind = "forcefields" if dataset == "ethanol" else "generators"
        examples = structures[splits.train]
        model = base.create(kind, done.entry["module"], done.entry["config"], 0, examples)
        out = run / f"train/{dataset}/{MODELS[dataset]}/seed0"
        train(model, structures, splits, settings, out, 0)
    sample_to_file(out, run / "samples/qm9_demo/gschnet_tiny/seed0.extxyz", 4, 0, 4, {"max_atoms": 6}, "cpu")
    few, painn = Structures.load(run / "data/ethanol.npz")[:3], run / "train/ethanol/painn_tiny/seed0"
    predict_to_file(painn, few, run / "predictions/ethanol/painn_tiny/seed0/test.npz", 3, "cpu")
    tables.write_all(
        {"validity": rows("gschnet_tiny", "xyz2mol"), "errors": rows("painn_tiny", "test")}, run / "tables"
    )
    return folder


def rows(model, subset):
    """A table whose first rows are of another model and of another subset."""
    dataset = next(name for name, each in MODELS.items() if each == model)
    names = ("validity", "uniqueness") if subset == "xyz2mol" else ("energy_mae", "force_mae")
    found = []
    for who, which, factor in (("other", subset, 3), (model, "other", 2), (model, subset, 1)):
        for metric in names:
            value = VALUES[metric] * factor
            numbers = {"value": value, "ci_low": value / 2, "ci_high": value * 1.5, "n": 6}
            keys = {"model": who, "dataset": dataset, "seed": 0, "metric": metric, "subset": which}
            found.append({**keys, **numbers, "unit": "1" if subset == "xyz2mol" else "meV"})
    return tidy.check(pd.DataFrame(found).assign(published=np.nan, note=""))


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy")


def finished(folder, dataset="qm9_demo"):
    return Finished(folder / "results/small", dataset, MODELS[dataset], folder / "study.yaml")


@pytest.mark.parametrize("dataset", MODELS)
def test_what_agrees_ships_as_it_is(whole, tmp_path, dataset):
    training, wanted = finished(whole, dataset), [*VALUES][:2] if dataset == "qm9_demo" else [*VALUES][2:]
    out = ship(training, "mine", tmp_path)
    for name in (base.WEIGHTS, base.CONFIG):
        assert (out / name).read_bytes() == (training.folder / name).read_bytes()
    record = shipped.record_of(out)
    assert record["name"] == "mine" and record["weights_sha256"] == sha256(out / base.WEIGHTS)
    assert record["training"]["settings"]["steps"] == record["training"]["step"] == 2
    assert record["configuration"] == {"file": "study.yaml", "sha256": sha256(whole / "study.yaml")}
    assert [row["value"] for row in record["results"]] == [VALUES[name] for name in wanted]
    assert [row["n"] for row in record["results"]] == [6, 6]
    examples = training.structures[training.splits.train]
    assert record["trained_on"]["atoms"] == [min(examples.n_atoms), max(examples.n_atoms)]
    assert record["trained_on"]["structures"] == 20 and problems(out) == []
    said = shipped.introduction(record)
    if dataset == "ethanol":
        assert record["differs"] == "channels 8, layers 2, n_basis 8" and "GFN2-xTB" in said[0]
        assert record["trained_on"]["formulas"] == ["C2H6O"]
        molecules = training.structures[training.splits.test[:3]]
        calculator = tutti.Calculator(out, "cpu")
        found = [calculator.get_potential_energy(atoms) for atoms in molecules.to_ase()]
        np.testing.assert_allclose(record["check"]["energy"], found, atol=1e-4)
    else:
        assert record["differs"] == training.entry["differs"] and record["differs"] in said[1]
        assert (
            said[2]
            == "its test: validity 25.0 [12.5, 37.5] % (n = 6), uniqueness 50.0 [25.0, 75.0] % (n = 6)"
        )
        assert record["sampling"]["max_atoms"] == 6 and record["batch_size"] == 4
        assert len(tutti.sample(out, 2, accelerator="cpu")) == 2


def edit(path, **changes):
    """Change a sealed record, with the right seal."""
    records.write(path, records.read(path) | changes)


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def other_study(folder, entry, **changes):
    study = yaml.safe_load((folder / "study.yaml").read_text())
    for key, value in changes.items():
        study["models"][entry].setdefault(key, {}).update(value)
    (folder / "study.yaml").write_text(yaml.safe_dump(study))


GSCHNET = "results/small/train/qm9_demo/gschnet_tiny/seed0"
BROKEN = {
    "weights": (lambda f: flip(f / GSCHNET / "weights.safetensors"), "checksum is not that of its contents"),
    "log": (lambda f: flip(f / GSCHNET / "log.csv"), "its SHA-256 is not the log_sha256"),
    "configuration of the model": (
        lambda f: edit(f / GSCHNET / "config.json", config={"channels": 8}),
        "config.json and train.json are of different models",
    ),
    "not finished": (lambda f: edit(f / GSCHNET / "train.json", step=1), "step is 1, by .* it is 2"),
    "started from others": (lambda f: edit(f / GSCHNET / "train.json", initial="0" * 64), "initial is 0000"),
    "another training": (
        lambda f: other_study(f, "gschnet_tiny", training={"batch_size": 3}),
        "training.batch_size is 2, by .* it is 3",
    ),
    "another network": (
        lambda f: other_study(f, "gschnet_tiny", config={"channels": 16}),
        "model is .* it is",
    ),
    "other data": (
        lambda f: Structures.load(EMBEDDED / "qm9_6.npz")[:40].save(f / "results/small/data/qm9_demo.npz"),
        "another dataset",
    ),
    "other samples": (
        lambda f: edit(f / "results/small/samples/qm9_demo/gschnet_tiny/seed0.json", weights_sha256="0" * 64),
        "of other weights than those in",
    ),
    "no samples": (
        lambda f: (f / "results/small/samples/qm9_demo/gschnet_tiny/seed0.json").unlink(),
        "seed0.json",
    ),
    "table": (lambda f: flip(f / "results/small/tables/validity.csv"), "damaged or edited"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_does_not_agree_is_refused_before_anything_is_written(folder, tmp_path, what):
    breaks, message = BROKEN[what]
    breaks(folder)
    with pytest.raises((OSError, ValueError), match=message):
        ship(finished(folder), "mine", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_errors_of_other_weights_and_unknown_licences_are_refused(folder, tmp_path, monkeypatch):
    path = folder / "results/small/predictions/ethanol/painn_tiny/seed0/test.npz"
    shutil.copy(folder / "results/small/data/ethanol.npz", path)
    with pytest.raises(Disagreement, match="of other weights"):
        ship(finished(folder, "ethanol"), "mine", tmp_path / "out")
    path.unlink()  # the run has not come so far: its table would be an old one
    assert provenance.of(finished(folder, "ethanol"), "mine")["results"] == []
    monkeypatch.delitem(provenance.DATA, "trajectory")
    with pytest.raises(Disagreement, match="data of kind trajectory: enter their method and licence"):
        ship(finished(folder, "ethanol"), "mine", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_too_large_or_wrongly_named_is_refused(whole, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/weights").write_bytes(bytes(5000))
    size = sum((finished(whole).folder / name).stat().st_size for name in (base.WEIGHTS, base.CONFIG))
    monkeypatch.setattr(ship_weights, "ALL_BYTES", size + 4000)
    with pytest.raises(Disagreement, match="MB in all, more than"):
        ship(finished(whole), "mine", tmp_path)
    monkeypatch.setattr(ship_weights, "MODEL_BYTES", size - 1)
    with pytest.raises(Disagreement, match="MB, more than"):
        ship(finished(whole), "mine", tmp_path)
    with pytest.raises(Disagreement, match="has a slash"):
        ship(finished(whole), "a/mine", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"other"}


def test_the_study_of_a_run_is_found():
    assert configuration_of("rmd17") == ROOT / "config/studies/rmd17.yaml"
    with pytest.raises(Disagreement, match="0 files in config/ have `run: small`"):
        configuration_of("small")


def test_all_that_ships_is_as_recorded(capsys, monkeypatch):
    """Hashes, sizes, and energies, forces or losses of recorded molecules in float64."""
    monkeypatch.setattr(sys, "argv", ["ship_weights.py"])
    ship_weights.main()
    told = capsys.readouterr().out
    assert f"{len(shipped.names())} models" in told and "as recorded" in told
    assert all(bytes_of(shipped.SHIPPED / name) <= MODEL_BYTES == 3e6 for name in shipped.names())
    assert bytes_of(shipped.SHIPPED) <= ALL_BYTES == 15e6


@pytest.mark.parametrize(("name", "keys"), [("gschnet", ["loss"]), ("painn_ethanol", ["energy", "forces"])])
def test_a_model_that_says_something_else_is_noticed(tmp_path, name, keys):
    folder = shutil.copytree(shipped.SHIPPED / name, tmp_path / name)
    model = base.load(folder)
    with torch.no_grad():
        next(p for p in model.parameters() if p.ndim == 2).mul_(1 + 1e-5)
    base.write_weights(folder / base.WEIGHTS, base.snapshot(model))
    edit(folder / shipped.RECORD, weights_sha256=sha256(folder / base.WEIGHTS))
    assert problems(folder) == [f"{folder}: its {key} of the recorded molecules changed" for key in keys]


def test_the_script_says_what_is_wrong(monkeypatch, tmp_path):
    for given, message in (
        (["nowhere"], 2),
        (["results/demo", "qm9_demo", "nobody"], "config.yaml: no model 'nobody'"),
        (["results/rmd17", "rmd17_ethanol", "painn_rmd17"], "not there: train painn first"),
        (["results/small", "qm9_demo", "gschnet_tiny"], "name one with --configfile"),
    ):
        monkeypatch.setattr(sys, "argv", ["ship_weights.py", *given])
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as ended:
            ship_weights.main()
        assert ended.value.code == message or message in str(ended.value.code)
