"""Snapshots: generators that are sampled on the way of their training, too."""

import copy

import pytest

from tutti.core.registry import ConfigError
from tutti.workflow.plan.gpu_hours import gpu_hours
from tutti.workflow.snapshots import expand

STUDY = """
run: equal
seeds: [0, 1]
generation:
  models: [edm_demo, symphony_demo]
  snapshots: [0.125, 0.5]
  sweeps: {heat: {model: edm_demo, axes: {T: {sampling.temperature: [0.5]}}}}
bonds: {assigners: [xyz2mol]}
evaluation: {tables: [validity, completion, throughput], controls: [test_split]}
forcefields: {runs: []}
"""
ENTRY = {"kind": "generator", "training": {"steps": 10}}
CONFIG = {
    "generation": {"models": ["a", "theirs"], "snapshots": [0.5, 0.25], "sweeps": {}},
    "models": {"a": ENTRY, "b": ENTRY, "theirs": {"kind": "external", "path": "p"}},
}


def test_each_trained_generator_of_the_run_has_an_entry_for_each_share():
    config = copy.deepcopy(CONFIG)
    expanded = expand(config)
    assert config == CONFIG
    training = {"snapshots": [0.25, 0.5], "steps": 10}
    assert expanded["models"] == CONFIG["models"] | {
        "a": {"kind": "generator", "training": training},
        "a_0.5": {"kind": "generator", "training": training, "trained_as": "a", "snapshot": 0.5},
        "a_0.25": {"kind": "generator", "training": training, "trained_as": "a", "snapshot": 0.25},
    }
    assert expanded["generation"] == CONFIG["generation"]
    config["generation"]["snapshots"] = []
    assert expand(config) == config


def test_a_training_keeps_the_shares_of_its_own_entry_as_well():
    config = copy.deepcopy(CONFIG)
    config["models"]["a"]["training"]["snapshots"] = [0.75, 0.5]
    expanded = expand(config)["models"]
    assert expanded["a"]["training"]["snapshots"] == [0.25, 0.5, 0.75]
    assert "a_0.75" not in expanded


@pytest.mark.parametrize("name", ["a_0.5", "long" * 25])
def test_names_that_are_taken_or_too_long_are_refused(name):
    config = copy.deepcopy(CONFIG)
    config["models"][name] = ENTRY
    config["generation"]["models"] = ["a", name]
    with pytest.raises(ConfigError, match=r"generation\.snapshots: 'a_0\.5' is a model|at most 100 fit"):
        expand(config)


def test_snapshots_are_sampled_and_judged_and_no_more(plan_of):
    plan = plan_of(STUDY)
    samples, whole = plan.samples, ["edm_demo", "symphony_demo"]
    snapshots = [f"{name}_{share}" for name in whole for share in (0.125, 0.5)]
    assert samples.models == [*whole, "heat_0.5"]
    assert [each.model for each in samples.trainings] == [
        "edm_demo",
        "edm_demo",
        "symphony_demo",
        "symphony_demo",
    ]
    names = [each.model for each in samples.sampled if each.seed == 1]
    assert names == [*whole, "heat_0.5", *snapshots]
    assert [each.model for each in samples.judged if each.seed == 0][-5:] == ["test_split", *snapshots]
    assert samples.folders("d", "edm_demo_0.5", 1) == ["results/equal/judged/d/edm_demo_0.5/seed1"]
    assert {each.model for each in samples.completing} == {"symphony_demo"}
    others = {each.model for each in samples.timed} | {each["model"] for each in samples.looked_at()}
    others |= {*plan.published["models"], *plan.figures.places, *plan.used_config()["models"]}
    others |= {part for each in plan.figures.all for part in each.what}
    assert others.isdisjoint(snapshots)


def test_a_snapshot_is_sampled_with_the_weights_of_its_training_at_that_share(tree):
    (tree.root / "study.yaml").write_text(STUDY)
    jobs = tree.inputs("--configfile", "study.yaml")
    rules = [rule for rule, _ in jobs]
    assert [rules.count(rule) for rule in ("train", "train_with_snapshots", "sample")] == [0, 4, 14]
    weights = [
        file for rule, files in jobs if rule == "sample" for file in files if file.endswith(".safetensors")
    ]
    assert sorted(weights) == sorted(
        f"results/equal/train/qm9_demo/{model}/seed{seed}/{folder}weights.safetensors"
        for seed in (0, 1)
        for model, folders in {
            "edm_demo": ["", "", "snapshots/0.125/", "snapshots/0.5/"],
            "symphony_demo": ["", "snapshots/0.125/", "snapshots/0.5/"],
        }.items()
        for folder in folders
    )


def test_the_estimate_of_gpu_hours_counts_their_samples(plan_of):
    published = STUDY.replace("edm_demo, symphony_demo", "edm, symphony").replace(
        "model: edm_demo", "model: edm"
    )
    rows = [line.split()[:3] for line in gpu_hours(plan_of(published).samples).splitlines()]
    assert ["sample", "edm_0.125", "2"] in rows and ["train", "edm", "2"] in rows
    assert ["train", "edm_0.125", "2"] not in rows
