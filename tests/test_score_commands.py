"""`tutti score` and `tutti predict`, against calculators called directly."""

from dataclasses import replace

import ase.io
import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from typer.testing import CliRunner

import tutti
from tutti import io
from tutti.benchmark.forcefields import errors
from tutti.cli import app
from tutti.core import tidy
from tutti.core.structures import Structures
from tutti.models import base
from tutti.models.forcefields.alignment import make_folder

CONFIG = {"elements": ["H", "C", "O"], "channels": 8, "layers": 2, "n_gaussians": 8, "cutoff": 4.0}
PAIR = ("--calculator", "ase.calculators.lj:LennardJones", "--arguments", "sigma=1.2", "--arguments", "rc=5")


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """model/, water.extxyz of ten frames with energies and forces, copper.extxyz with those of EMT."""
    folder = tmp_path_factory.mktemp("score")
    model = base.create("forcefields", "schnet", CONFIG, seed=3).double()
    model.references.copy_(torch.tensor([-13.0, -1030.0, -2040.0]))
    model.save(folder / "model")
    io.write(folder / "water.extxyz", known([molecule("H2O") for _ in range(10)], LennardJones(sigma=1.1)))
    io.write(folder / "copper.extxyz", known([bulk("Cu", cubic=True) for _ in range(3)], EMT()))
    return folder


def known(frames, calculator, rattle=0.1):
    for seed, atoms in enumerate(frames):
        atoms.rattle(rattle, seed=seed)
        atoms.calc = calculator
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces().copy()}
        atoms.calc = ase.calculators.singlepoint.SinglePointCalculator(atoms, **results)
    return Structures.from_ase(frames)


def test_errors_of_a_model_are_those_of_its_calculator(folder, tmp_path):
    out = tmp_path / "table.csv"
    result = run("score", folder / "water.extxyz", "--model", folder / "model", "--out", out)
    assert result.exit_code == 0, result.output
    reference, calculator = io.read(folder / "water.extxyz"), tutti.Calculator(folder / "model", "cpu")
    found = tidy.read(out).set_index(["metric", "subset"])["value"]
    frames = list(reference.to_ase())
    energies = np.array([calculator.get_potential_energy(atoms) for atoms in frames]) - reference.energy
    forces = np.concatenate([calculator.get_forces(atoms) for atoms in frames]) - reference.forces
    assert found["energy_mae", "all"] == pytest.approx(1000 * np.abs(energies).mean(), rel=1e-5)
    assert found["force_rmse", "all"] == pytest.approx(1000 * np.sqrt(np.square(forces).mean()), rel=1e-5)
    assert "force MAE (meV/Å)" in result.output and "aligned" not in result.output


def test_energies_of_a_calculator_are_aligned_unless_told_not_to(folder, tmp_path):
    reference = io.read(folder / "water.extxyz")
    frames = [atoms.copy() for atoms in reference.to_ase()]
    theirs = known(frames, LennardJones(sigma=1.2, rc=5), rattle=0)
    names = {"target": "energy", "model": "m", "dataset": "d", "seed": 0, "subset": "all"}
    shifted = replace(theirs, energy=theirs.energy + np.mean(reference.energy - theirs.energy))
    for option, predicted in (((), shifted), (("--no-align",), theirs)):
        out = tmp_path / f"table{len(option)}.csv"
        result = run("score", folder / "water.extxyz", *PAIR, *option, "--out", out)
        assert result.exit_code == 0, result.output
        expected = errors.table(reference, predicted, **names)
        np.testing.assert_allclose(tidy.read(out)["value"], expected["value"], rtol=1e-5)
        remark = "energies aligned by least squares per element to 10 structures"
        assert (remark in result.output) == (option == ())


@pytest.mark.parametrize("command", ["score", "predict", "relax", "md"])
def test_no_folder_names_code_to_run(folder, tmp_path, command):
    make_folder("ase.calculators.emt:EMT", {}, io.read(folder / "copper.extxyz"), tmp_path / "emt")
    out = ("--out", tmp_path / ("t.csv" if command == "score" else "t.extxyz"))
    result = run(command, folder / "copper.extxyz", "--model", tmp_path / "emt", *out)
    assert result.exit_code == 1
    assert "would run ase.calculators.emt:EMT; if you trust that, name it with --calculator" in result.output
    assert not out[1].exists()


@pytest.mark.parametrize("end", ["extxyz", "npz"])
def test_predictions_are_those_of_the_calculator(folder, tmp_path, end):
    out = tmp_path / f"predicted.{end}"
    result = run("predict", folder / "copper.extxyz", "--calculator", "ase.calculators.emt:EMT", "--out", out)
    assert result.exit_code == 0 and f"The predictions: {out}" in result.output, result.output
    found, start = io.read(out), io.read(folder / "copper.extxyz")
    np.testing.assert_array_equal(found.positions, start.positions)
    np.testing.assert_allclose(found.energy, start.energy, rtol=1e-12)
    np.testing.assert_allclose(found.forces, start.forces, atol=1e-12)


def test_ase_reads_stresses_as_its_own(folder, tmp_path):
    out = tmp_path / "predicted.extxyz"
    run("predict", folder / "copper.extxyz", "--calculator", "ase.calculators.emt:EMT", "--out", out)
    for atoms in ase.io.read(out, ":"):
        check = atoms.copy()
        check.calc = EMT()
        np.testing.assert_allclose(atoms.get_stress(), check.get_stress(), atol=1e-12)
    run("predict", folder / "water.extxyz", "--model", folder / "model", "--out", tmp_path / "water.xyz")
    assert "stress" not in (tmp_path / "water.xyz").read_text()


def test_what_ase_wrote_of_the_reference_is_not_among_predictions(folder, tmp_path):
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=0)
    atoms.calc = LennardJones(sigma=2.3)
    atoms.get_stress()
    ase.io.write(tmp_path / "theirs.extxyz", atoms)
    assert "free_energy=" in (tmp_path / "theirs.extxyz").read_text()
    out = tmp_path / "predicted.extxyz"
    model = ("--calculator", "ase.calculators.emt:EMT")
    result = run("predict", tmp_path / "theirs.extxyz", *model, "--out", out)
    assert result.exit_code == 0 and "free_energy" not in out.read_text(), result.output
    atoms.calc = EMT()
    np.testing.assert_allclose(ase.io.read(out).get_stress(), atoms.get_stress(), atol=1e-6)


def test_predictions_of_a_model_are_scored_as_the_model(folder, tmp_path):
    out = tmp_path / "predicted.npz"
    assert run("predict", folder / "water.extxyz", "--model", folder / "model", "--out", out).exit_code == 0
    calculator = tutti.Calculator(folder / "model", "cpu")
    energies = [calculator.get_potential_energy(atoms) for atoms in io.read(out).to_ase()]
    np.testing.assert_allclose(Structures.load(out).energy, energies, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--model and --calculator: give one of them"),
        (("--model", "model", *PAIR), "--model and --calculator: give one of them"),
        (("--model", "model", "--arguments", "rc=5"), "--arguments: are those of --calculator"),
        ((*PAIR, "--arguments", "rc"), "--arguments rc: write NAME=VALUE, or all of them as JSON"),
        ((*PAIR, "--arguments", "{rc}"), "--arguments {rc}: write NAME=VALUE"),
        (("--calculator", "missing_code:Fast"), "install the package that has it: pip install missing_code"),
        (
            (*PAIR, "--out", "table.md"),
            "--out table.md: written is a table: choose a name that ends with .csv",
        ),
    ],
)
def test_odd_options_are_named(folder, options, message, monkeypatch):
    monkeypatch.chdir(folder)
    result = run("score", "water.extxyz", *options)
    assert result.exit_code == 1 and message in result.output, result.output
    assert result.output.startswith("error: ") and result.output.count("\n") == 1


def test_frames_that_cannot_be_scored_are_refused(folder, tmp_path):
    (tmp_path / "bare.xyz").write_text("1\n\nH 0 0 0\n")
    result = run("score", tmp_path / "bare.xyz", *PAIR)
    assert result.exit_code == 1 and "bare.xyz: holds no 'energy' to compare with" in result.output
    (tmp_path / "one.xyz").write_text("1\nenergy=1.5\nH 0 0 0\n")
    result = run("score", tmp_path / "one.xyz", *PAIR)
    assert "holds no forces: only energies are compared" in result.output
    assert "aligning takes 1 numbers from 1 energies" in result.output
    for command, out in (("score", "old.csv"), ("predict", "old.xyz")):
        (tmp_path / out).write_text("mine")
        result = run(command, folder / "water.extxyz", *PAIR, "--out", tmp_path / out)
        assert result.exit_code == 1 and (tmp_path / out).read_text() == "mine"


def test_labels_have_the_names_that_the_file_gives_them(folder, tmp_path):
    text = (folder / "copper.extxyz").read_text()
    named = text.replace("energy=", "REF_energy=").replace("forces:", "dft_forces:")
    (tmp_path / "named.extxyz").write_text(named)
    model = ("--calculator", "ase.calculators.emt:EMT")
    result = run("score", tmp_path / "named.extxyz", *model)
    assert result.exit_code == 1 and "REF_energy" in result.output
    keys = ("--keys", "energy=REF_energy", "--keys", "forces=dft_forces", "--out", tmp_path / "t.csv")
    assert run("score", tmp_path / "named.extxyz", *model, *keys).exit_code == 0
    found = tidy.read(tmp_path / "t.csv").set_index("metric")["value"]
    assert found["force_mae"] == pytest.approx(0, abs=1e-6)


def test_relax_and_md_take_any_calculator(folder, tmp_path):
    model = ("--calculator", "ase.calculators.emt:EMT")
    relaxed, moved = tmp_path / "relaxed.extxyz", tmp_path / "md.extxyz"
    result = run("relax", folder / "copper.extxyz", *model, "--out", relaxed)
    assert result.exit_code == 0 and io.read(relaxed).columns["converged"].all(), result.output
    result = run("md", folder / "copper.extxyz", *model, "--out", moved, "--steps", 20)
    assert result.exit_code == 0, result.output
    for path in (relaxed, moved):
        for atoms in ase.io.read(path, ":"):
            check = atoms.copy()
            check.calc = EMT()
            np.testing.assert_allclose(atoms.get_forces(), check.get_forces(), atol=1e-6)
    result = run("md", folder / "copper.extxyz", "--out", tmp_path / "other.extxyz")
    assert result.exit_code == 1 and "--model and --calculator: give one of them" in result.output


def test_a_calculator_that_fails_is_told_in_a_line(tmp_path):
    (tmp_path / "iron.extxyz").write_text("2\n\nFe 0 0 0\nFe 0 0 2.2\n")
    for command in ("relax", "md", "predict"):
        out = tmp_path / f"{command}.extxyz"
        result = run(
            command, tmp_path / "iron.extxyz", "--calculator", "ase.calculators.emt:EMT", "--out", out
        )
        assert "No EMT-potential for Fe" in result.output and "Traceback" not in result.output
        assert result.exit_code == (0 if command == "relax" else 1)  # the row of a relaxation says why


def test_arguments_as_json(folder, tmp_path):
    outs = [tmp_path / "named.npz", tmp_path / "json.npz"]
    run("predict", folder / "water.extxyz", *PAIR, "--out", outs[0])
    given = ("--calculator", PAIR[1], "--arguments", '{"sigma": 1.2, "rc": 5}')
    assert run("predict", folder / "water.extxyz", *given, "--out", outs[1]).exit_code == 0
    assert Structures.load(outs[0]).energy.tolist() == Structures.load(outs[1]).energy.tolist()
