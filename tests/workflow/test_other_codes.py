"""A run with force fields of other codes, against their calculators called directly."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.calculators.lj import LennardJones
from safetensors.torch import load_file

from tutti import io
from tutti.core import tidy
from tutti.core.files import sha256
from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.models import base

PAIR = {"sigma": 1.0, "epsilon": 0.05, "rc": 4.0}
STUDY = """
run: codes
generation: {datasets: [], models: []}
forcefields:
  runs: [{dataset: ethanol, models: [gfn2, pair, given, tuned]}]
  tables: [errors]
datasets: {ethanol: {split: {train: 12, valid: 2, test: 10}}}
models:
  gfn2: {kind: calculator, factory: "tblite.ase:TBLite", arguments: {method: GFN2-xTB, verbosity: 0}}
  pair:
    kind: calculator
    factory: "ase.calculators.lj:LennardJones"
    arguments: {sigma: 1.0, epsilon: 0.05, rc: 4.0}
  given: {kind: predictions, path: given.extxyz}
  tuned:
    kind: forcefield
    module: painn
    config: {channels: 4, layers: 1, n_basis: 4}
    training: {steps: 2, batch_size: 4, learning_rate: 1.0e-5, validation_every: 2, checkpoint_every: 2}
    pretrained: theirs
    resources: {threads: 1, gpu: 0, mem_mb: 100, runtime: 10}
"""
TABLE, FIGURE = "results/codes/tables/errors.md", "results/codes/figures/parity-ethanol.svg"
GIVEN = "results/codes/predictions/ethanol/given/seed0/test.npz"


def run(tree, *wanted):
    return tree.snakemake("--configfile", "codes.yaml", "--", *wanted, OMP_NUM_THREADS="1")


def by_hand(structures):
    """What the pair potential says, asked through ASE."""
    calculator, frames = LennardJones(**PAIR), list(structures.to_ase())
    energies = np.array([calculator.get_potential_energy(atoms) for atoms in frames])
    forces = np.concatenate([calculator.get_forces(atoms) for atoms in frames])
    return replace(structures, energy=energies, forces=forces)


@pytest.fixture(scope="module")
def done(new_tree):
    """A copy in which the study has run; given.extxyz holds what the pair potential says, shuffled."""
    tree = new_tree("codes")
    (tree.root / "codes.yaml").write_text(STUDY)
    (tree.root / "given.extxyz").write_text(
        "1\nProperties=species:S:1:pos:R:3:forces:R:3 energy=1\nH 0 0 0 0 0 0\n"
    )
    network = {"channels": 4, "layers": 1, "n_basis": 4, "elements": ["H", "C", "O"]}
    base.create("forcefields", "painn", network, seed=5).save(tree.root / "theirs")
    refused = run(tree, GIVEN)
    assert refused.returncode != 0
    log = (tree.root / "logs/codes/predict/ethanol/given/seed0.log").read_text()
    assert (
        "given.extxyz: no prediction for the train split: its structure 0 (C2H6O) is not in the file" in log
    )
    structures = Structures.load(tree.root / "results/codes/data/ethanol.npz")
    shuffled = np.random.default_rng(0).permutation(len(structures))
    io.write(tree.root / "given.extxyz", by_hand(structures[shuffled]))
    result = run(tree, TABLE, FIGURE)
    assert result.returncode == 0, result.stdout
    return tree


@pytest.fixture(scope="module")
def errors(done):
    table = tidy.read(done.root / "results/codes/tables/errors.csv")
    return table.set_index(["model", "metric", "subset"])


def test_the_method_that_the_data_are_from_has_no_errors(errors):
    assert errors.loc[("gfn2", "energy_mae", "test"), "value"] < 0.01
    assert errors.loc[("gfn2", "force_mae", "test"), "value"] < 0.5  # meV/Å; its SCF is converged to less


def test_errors_of_a_calculator_are_those_of_aligned_energies(done, errors):
    structures = Structures.load(done.root / "results/codes/data/ethanol.npz")
    splits = Splits.load(done.root / "results/codes/data/ethanol.splits.json", structures)
    train, test = structures[splits.train], structures[splits.test]
    shift = np.mean(train.energy - by_hand(train).energy)  # all have the same composition
    differences = by_hand(test).energy + shift - test.energy
    found = errors.loc[("pair", "energy_mae", "test")]
    assert found["value"] == pytest.approx(1000 * np.abs(differences).mean(), rel=1e-6)
    assert found["note"] == "energies aligned by least squares per element on the training split"
    forces = by_hand(test).forces - test.forces
    found = errors.loc[("pair", "force_rmse", "test")]
    assert found["value"] == pytest.approx(1000 * np.sqrt(np.square(forces).mean()), rel=1e-6)
    assert found["note"] == ""


def test_a_shuffled_file_of_predictions_has_the_rows_of_what_made_it(errors):
    forces = [name for name in errors.loc["pair"].index if name[0].startswith("force")]
    assert len(forces) == 2 * 2 + 2 * 3
    values = ["value", "ci_low", "ci_high", "n"]
    theirs, ours = (errors.loc[name].loc[forces, values].astype(float) for name in ("given", "pair"))
    np.testing.assert_allclose(theirs, ours, rtol=1e-6)
    # Predictions are taken as they are: their energies are those of pairs alone, thousands of eV away.
    assert errors.loc[("given", "energy_mae", "test"), "value"] > 1e5


def test_a_training_starts_from_a_folder_of_weights(done):
    folder = done.root / "results/codes/train/ethanol/tuned/seed0"
    start, end = (load_file(path / "weights.safetensors") for path in (done.root / "theirs", folder))
    record = json.loads((folder / "train.json").read_text())
    assert record["initial"] == sha256(done.root / "theirs/weights.safetensors")
    moved = [float((end[name] - start[name]).abs().max()) for name in start if name.endswith("weight")]
    assert 0 < max(moved) < 1e-4  # two steps of 1e-5
    with (done.root / "theirs/weights.safetensors").open("ab") as file:
        file.write(b" ")
    assert done.plan("--configfile", "codes.yaml", "--", TABLE)["train"] == 1


def test_an_edit_of_a_file_of_predictions_makes_its_rows_anew(done):
    with (done.root / "given.extxyz").open("a") as file:
        file.write("\n")
    rows = "results/codes/measured/ethanol/{}/seed0.parquet"
    assert done.plan("--configfile", "codes.yaml", "--", rows.format("given")) == {
        "predict": 1,
        "measure_forcefield": 1,
    }
    assert done.plan("--configfile", "codes.yaml", "--", rows.format("pair")) == {}
