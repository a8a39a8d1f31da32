"""Entries of models.yaml that name weights: what is filled in, what is refused, what is planned of them."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tutti.core import records
from tutti.core.registry import ConfigError
from tutti.models import base, shipped
from tutti.workflow import config, given
from tutti.workflow.plan.gpu_hours import gpu_hours
from tutti.workflow.plan.kept import kept

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / name for name in config.FILES]
RESOURCES = "resources: {threads: 1, gpu: 0, mem_mb: 1, runtime: 1, gpu_seconds: {step: 1, molecule: 1}}"
STUDY = f"""
run: study
seeds: [1, 2]
generation: {{datasets: [qm9_demo], models: [mine, edm_demo], snapshots: [0.5], sweeps: {{}}}}
forcefields:
  runs: [{{dataset: ethanol, models: [field, painn_demo]}}]
  tables: [errors, committee, inference_time]
  figures: [embedding]
  dynamics: {{}}
models:
  mine: {{kind: generator, weights: symphony, sampling: {{max_atoms: 9}}, {RESOURCES}}}
  field: {{kind: forcefield, weights: schnet_ethanol, {RESOURCES}}}
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of weights, and of what is none."""
    root = tmp_path_factory.mktemp("folders")
    whole = base.create("generators", "edm", {"elements": ["H", "C"], "layers": 1, "channels": 4}, seed=0)
    for name in ("whole", "flipped", "lacking", "foreign", "calculator"):
        whole.save(root / name)
    content = bytearray((root / "flipped" / base.WEIGHTS).read_bytes())
    content[-1] ^= 1
    (root / "flipped" / base.WEIGHTS).write_bytes(content)
    (root / "lacking" / base.WEIGHTS).unlink()
    (root / "foreign" / base.CONFIG).write_text('{"layers": 3}')
    (root / "calculator" / base.CONFIG).write_text(json.dumps({"kind": "calculator", "factory": "a:b"}))
    shutil.copytree(shipped.SHIPPED / "edm", root / "replaced")
    whole.save(root / "replaced")
    return root


@pytest.fixture
def problem(folders, tmp_path, monkeypatch):
    """Function that gives the message for a study whose only generator has this entry; empty: it passes."""
    monkeypatch.chdir(folders)

    def message(entry, generation="models: [mine]", modules=False, kind="generator"):
        models = f"models: {{mine: {{kind: {kind}, {entry}, {RESOURCES}}}}}\n"
        (tmp_path / "mine.yaml").write_text(f"{models}generation: {{{generation}}}\n")
        files = [*FILES, tmp_path / "mine.yaml"]
        try:
            config.check(config.load(files), files, ROOT / config.SCHEMAS, modules=modules)
        except ConfigError as error:
            return str(error).removeprefix(f"{tmp_path}/")
        return ""

    return message


SIZE = "sampling: {batch_size: 4}"


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("weights: symphny", "weights: no folder here, and no model that ships: 'symphny'; did you mean"),
        ("weights: painn_ethanol", "weights: .*painn_ethanol: its model is one of forcefields, but"),
        (f"weights: nowhere/here, {SIZE}", "weights: nowhere/here: no folder of weights, it has no con"),
        (f"weights: lacking, {SIZE}", "weights: lacking: no folder of weights, it has no weig"),
        (f"weights: flipped, {SIZE}", "weights: flipped/weights.safetensors: damaged: its checksum"),
        (f"weights: replaced, {SIZE}", "weights: replaced/weights.safetensors: damaged or edited"),
        (f"weights: foreign, {SIZE}", "weights: foreign/config.json: not the config.json of a model"),
        (f"weights: calculator, {SIZE}", "weights: calculator: the folder of a calculator of another code"),
        ("weights: whole", "sampling: nothing says how whole is sampled: give batch_size"),
        ("weights: edm, training: {steps: 4}", "training: 'mine' has weights, whose folder says that"),
        ("weights: edm, module: edm", "module: 'mine' has weights, whose folder says that"),
        ("weights: edm, pretrained: whole", "pretrained: 'mine' has weights, whose folder says that"),
    ],
)  # fmt: skip
def test_weights_that_cannot_be_used_are_told_before_any_job(problem, entry, line):
    assert re.match(f"mine.yaml: models.mine.{line}", problem(entry))


@pytest.mark.parametrize(
    "entry", ["weights: edm", f"weights: whole, {SIZE}", "weights: symphony, differs: less"]
)
def test_weights_that_are_there_pass(problem, entry):
    assert problem(entry, modules=True) == ""


def test_a_setting_that_the_module_has_not_is_refused(problem):
    found = problem("weights: edm, sampling: {polar: 5}", modules=True)
    assert "models.mine.sampling" in found and "polar" in found


def test_weights_that_no_run_uses_are_no_requests(problem):
    assert problem("weights: gone/away", "models: [edm_demo]") == ""


def test_sweeps_change_how_given_weights_are_sampled_and_nothing_else(problem, plan_of):
    sweep = "models: [], sweeps: {s: {model: mine, axes: {a: {%s: [3, 4]}}}}"
    for key in ("config.layers", "training.steps"):
        found = problem("weights: edm", sweep % key)
        assert found.startswith(
            f"mine.yaml: generation.sweeps.s.axes: 'mine' has weights, which settle '{key}'"
        )
    assert problem("weights: edm", sweep % "sampling.max_atoms", modules=True) == ""
    plan = plan_of(
        STUDY.replace("sweeps: {}", "sweeps: {s: {model: mine, axes: {a: {sampling.polar: [8]}}}}")
    )
    assert plan.config["models"]["s_8"]["sampling"]["polar"] == 8
    assert plan.samples.weights("qm9_demo", "s_8", "1") == plan.samples.weights("qm9_demo", "mine", "1")


def test_what_only_a_training_has_is_refused_of_a_given_force_field(plan_of):
    for key in ("sizes: [5]", "targets: [homo]"):
        with pytest.raises(ConfigError, match=r"runs\[0\]\.\w+: 'field' has weights: it is not trained here"):
            plan_of(STUDY.replace("field, painn_demo]", f"field], {key}"))


def test_the_entry_of_a_model_that_ships_is_filled_in_and_its_own_settings_win():
    entry = {"kind": "generator", "weights": "symphony", "sampling": {"max_atoms": 9, "batch_size": 7}}
    study = {"models": {"mine": entry, "unused": {"kind": "generator", "weights": "none/such"}}}
    study |= {"generation": {"models": ["mine"], "sweeps": {}}, "forcefields": {"runs": []}}
    record = records.read(shipped.SHIPPED / "symphony/provenance.json")
    filled = given.filled(study)["models"]
    assert filled["unused"] == study["models"]["unused"]
    assert filled["mine"]["sampling"] == record["sampling"] | {"max_atoms": 9, "batch_size": 7}
    assert filled["mine"]["differs"] == record["differs"]
    assert filled["mine"]["config"] == base.read_config(shipped.SHIPPED / "symphony")["config"]
    assert given.filled(given.filled(study)) == given.filled(study)


def test_given_weights_are_adopted_and_never_trained(plan_of):
    plan = plan_of(STUDY)
    assert [(each.model, each.seed) for each in plan.adopted] == [("mine", 1), ("mine", 2), ("field", 0)]
    assert {each.model for each in plan.trainings} == {"edm_demo", "painn_demo"}
    assert "mine" not in plan.patterns["training"] and "field" not in plan.patterns["forcefield"]
    assert set(plan.patterns["adopted"].split("|")) == {"mine", "field"}
    assert not any(name.startswith("mine_") for name in plan.samples.snapshots)
    assert {model for _, model in plan.forcefields.committees} == {"painn_demo"}
    hours = gpu_hours(plan.samples)
    assert "sample      mine" in hours and "train       mine" not in hours


def test_what_is_kept_and_drawn_of_them_needs_no_log_of_a_training(plan_of):
    plan = plan_of(STUDY)
    folder = "results/study/train/ethanol/field/seed0"
    files = [*kept(plan), *plan.benchmarks, *(file for each in plan.figures.all for file in each.files)]
    assert {f"{folder}/{name}" for name in ("weights.safetensors", "config.json", "train.json")} <= {*files}
    assert not any(
        "/mine/" in file or "/field/" in file
        for file in files
        if "log.csv" in file or "benchmarks/train" in file
    )
    drawn = {each.name for each in plan.figures.all}
    assert "embedding-ethanol-field" in drawn
    assert "training-ethanol-painn_demo" in drawn and "training-ethanol-field" not in drawn


def test_the_papers_numbers_stand_beside_what_the_weights_are(plan_of):
    told = plan_of(STUDY).published
    assert told["models"]["mine"] == "symphony" and told["models"]["field"] == "schnet"
    assert (
        "weights symphony, not trained here, 2 seed(s); not as published: heavy atoms first"
        in told["here"]["mine"]
    )
    assert told["here"]["field"] == "ethanol, weights schnet_ethanol, not trained here"
