"""Runs with weights that exist already, instead of trainings."""

import json

import numpy as np
import pytest

import tutti
from tutti.core import records, tidy
from tutti.core.files import sha256
from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.models import base, shipped

GIVEN = """
run: given
generation: {datasets: [qm9_demo], models: [ours, theirs], samples: 4}
bonds: {assigners: [xyz2mol]}
evaluation: {tables: [validity], controls: [test_split]}
forcefields:
  runs: [{dataset: ethanol, models: [fields]}]
  tables: [errors]
datasets: {ethanol: {split: {train: 12, valid: 2, test: 10}}}
models:
  fields: &fields
    kind: forcefield
    weights: painn_ethanol
    resources: {threads: 1, gpu: 0, mem_mb: 100, runtime: 10}
  ours: &ours {<<: *fields, kind: generator, weights: edm, sampling: {batch_size: 2, max_atoms: 5}}
  theirs: {<<: *ours, weights: theirs}
"""
TRAIN = "results/given/train"
SAMPLES = "results/given/samples/qm9_demo/{}/seed0.extxyz"
ERRORS = "results/given/tables/errors.md"


def run(tree, *wanted):
    return tree.snakemake("--configfile", "given.yaml", "--", *wanted, OMP_NUM_THREADS="1")


@pytest.fixture(scope="module")
def done(new_tree):
    """A copy in which the study has run."""
    tree = new_tree("given")
    (tree.root / "given.yaml").write_text(GIVEN)
    network = {"elements": ["H", "C", "N"], "layers": 1, "channels": 4}
    base.create("generators", "edm", network, seed=5).save(tree.root / "theirs")
    result = run(tree, SAMPLES.format("ours"), SAMPLES.format("theirs"), ERRORS)
    assert result.returncode == 0, result.stdout
    return tree


def log(tree, dataset, model):
    return (tree.root / f"logs/given/adopt/{dataset}/{model}/seed0.log").read_text()


def test_the_files_are_those_of_the_folder(done):
    for of, folder in {
        "qm9_demo/ours": shipped.SHIPPED / "edm",
        "qm9_demo/theirs": done.root / "theirs",
        "ethanol/fields": shipped.SHIPPED / "painn_ethanol",
    }.items():
        for name in ("weights.safetensors", "config.json"):
            assert sha256(done.root / TRAIN / of / "seed0" / name) == sha256(folder / name)
        assert not (done.root / TRAIN / of / "seed0/log.csv").exists()


def test_the_record_says_where_the_weights_are_from_and_what_is_known_of_their_training(done):
    record = records.read(done.root / TRAIN / "qm9_demo/ours/seed0/train.json")
    told = records.read(shipped.SHIPPED / "edm/provenance.json")
    assert record["given"]["weights"] == "edm"
    assert record["weights_sha256"] == told["weights_sha256"]
    assert record["trained"]["processor_seconds"] == told["training"]["processor_seconds"]
    assert (record["trained"]["step"], record["trained"]["data"]) == (told["training"]["step"], told["data"])
    theirs = records.read(done.root / TRAIN / "qm9_demo/theirs/seed0/train.json")
    assert theirs["given"]["weights"] == "theirs" and "trained" not in theirs
    assert theirs["model"]["config"]["channels"] == 4


def test_what_the_weights_were_trained_on_is_compared_with_the_runs_data(done):
    assert "trained on other data than these, qm9 as of its provenance.json" in log(done, "qm9_demo", "ours")
    theirs = log(done, "qm9_demo", "theirs")
    assert "nothing says what these weights were trained on; what counts as novel" in theirs
    assert "it knows H, C, N alone, but the data hold O" in theirs
    fields = log(done, "ethanol", "fields")
    assert (
        "trained on other data than these, rmd17_ethanol as of its provenance.json; errors of the test"
        in fields
    )


def test_settings_of_sampling_are_those_it_was_judged_with_but_for_the_entrys_own(done):
    made = json.loads((done.root / SAMPLES.format("ours")).with_suffix(".json").read_text())
    own = records.read(shipped.SHIPPED / "edm/provenance.json")["sampling"]
    assert made["sampling"] == own | {"max_atoms": 5} and made["batch_size"] == 2


def test_the_errors_of_a_force_field_are_those_of_its_calculator(done):
    structures = Structures.load(done.root / "results/given/data/ethanol.npz")
    splits = Splits.load(done.root / "results/given/data/ethanol.splits.json", structures)
    calculator = tutti.Calculator("painn_ethanol")
    frames = list(structures[splits.test].to_ase())
    wrong = [calculator.get_forces(atoms) - atoms.get_forces() for atoms in frames]
    table = tidy.read(done.root / "results/given/tables/errors.csv").set_index(["metric", "subset"])
    found = table.loc[("force_mae", "test"), "value"]
    assert found == pytest.approx(1000 * np.mean(np.abs(wrong)), rel=1e-5)


def test_other_weights_in_the_folder_are_taken_and_used_anew(done):
    target = SAMPLES.format("theirs")
    assert done.plan("--configfile", "given.yaml", "--", target) == {}
    network = {"elements": ["H", "C", "N"], "layers": 1, "channels": 4}
    base.create("generators", "edm", network, seed=6).save(done.root / "theirs")
    assert done.plan("--configfile", "given.yaml", "--", target) == {"adopt": 1, "sample": 1}
