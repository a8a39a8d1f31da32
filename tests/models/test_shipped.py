"""The models that ship: each is what its record says, is found by its name, and does what it is for."""

import hashlib
import re
import shutil
import warnings
from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch
from ase.build import molecule
from typer.testing import CliRunner

import tutti
from tutti import io
from tutti.cli import app
from tutti.core import records, seals
from tutti.core.structures import Structures
from tutti.models import base, shipped
from tutti.models.base import Generator
from tutti.models.generators.sampling import load_generator, sample_to_file

ROOT = Path(__file__).resolve().parents[2]
NAMES = shipped.names()
RECORDS = {name: shipped.record_of(shipped.SHIPPED / name) for name in NAMES}
GENERATORS = [name for name in NAMES if RECORDS[name]["kind"] == "generators"]
FORCE_FIELDS = [name for name in NAMES if RECORDS[name]["kind"] == "forcefields"]


def run(*arguments):
    """As in a process of its own: what was warned of before is warned of again."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def ethanol(tmp_path):
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.05, seed=1)
    ase.io.write(tmp_path / "ethanol.xyz", atoms)
    return tmp_path / "ethanol.xyz"


def test_all_are_there():
    assert GENERATORS == ["edm", "flow_matching", "gschnet", "gspherenet", "symphony"]
    assert FORCE_FIELDS == ["nequip_ethanol", "painn_ethanol", "schnet_ethanol"]
    assert {path.name for path in shipped.SHIPPED.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_weights_and_configuration_are_those_of_the_record(name, tmp_path):
    folder, record = shipped.SHIPPED / name, RECORDS[name]
    assert {path.name for path in folder.iterdir()} == {base.WEIGHTS, base.CONFIG, shipped.RECORD}
    for path in folder.iterdir():
        seals.verify(path)
    weights = (folder / base.WEIGHTS).read_bytes()
    assert hashlib.sha256(weights).hexdigest() == record["weights_sha256"]
    model = base.load(folder)
    assert (model.kind, model.module) == (record["kind"], record["module"])
    assert all(p.dtype == torch.float32 for p in model.parameters())
    model.save(tmp_path)
    assert (tmp_path / base.WEIGHTS).read_bytes() == weights
    assert base.read_config(tmp_path) == base.read_config(folder) | {"tutti": tutti.__version__}


@pytest.mark.parametrize("name", NAMES)
def test_a_record_says_where_the_weights_come_from(name):
    record = RECORDS[name]
    assert record["name"] == name and record["run"] and record["model"]
    assert (ROOT / record["configuration"]["file"]).is_file()
    assert record["differs"] and record["data"]["licence"] and record["data"]["cite"]
    training = record["training"]
    assert training["step"] == training["settings"]["steps"] and np.isfinite(training["validation_loss"])
    assert max(training["processor_seconds"] or 0, training["seconds"]) > 5
    assert training["environment"]["versions"]["torch"] and training["environment"]["device"]
    assert [row["name"] for row in record["results"]] in (
        ["validity", "uniqueness"],
        ["energy MAE", "force MAE"],
    )
    for row in record["results"]:
        assert row["ci_low"] < row["value"] <= row["ci_high"] and row["n"] > 100
    text = (shipped.SHIPPED / name / shipped.RECORD).read_text()
    assert not re.search(r'"/|\.\./|/home/|/tmp/|/work/', text)  # no path of the machine that made it


def test_each_is_listed_and_shown():
    section = (
        (ROOT / "docs/command_line.md").read_text().partition("## tutti models")[2].partition("\n## ")[0]
    )
    listed = run("models")
    assert listed.exit_code == 0
    for name in NAMES:
        assert f"`{name}`" in section
        (line,) = [line for line in listed.stdout.splitlines() if line.split()[0] == name]
        assert RECORDS[name]["weights_sha256"][:12] in line and shipped.headline(RECORDS[name]) in line
        shown = run("models", name).stdout
        assert f"weights_sha256: {RECORDS[name]['weights_sha256']}" in shown and "positions:" not in shown
    wrong = run("models", "symphny")
    assert wrong.exit_code == 1 and "did you mean 'symphony'?" in wrong.output


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_make_molecules_with_the_settings_of_their_record(name, tmp_path):
    record = RECORDS[name]
    _, sampling = load_generator(shipped.SHIPPED / name, record["sampling"], "cpu")
    assert set(record["sampling"]) == set(vars(sampling))  # all of them are told
    out = tmp_path / "five.xyz"
    done = run("sample", name, "-n", 5, "--seed", 1, "--out", out, "--accelerator", "cpu")
    assert done.exit_code == 0, done.output
    assert f"it is not the published {record['module']}: {record['differs']}" in done.stderr
    assert shipped.headline(record) in done.stderr
    made, sidecar = io.read(out), records.read(out.with_suffix(".json"))
    assert len(made) == 5 and made.finite.all() and made.n_atoms.min() >= 2
    assert set(made.numbers.tolist()) <= {1, 6, 7, 8, 9}
    assert sidecar["sampling"] == record["sampling"] and sidecar["batch_size"] == record["batch_size"]
    assert sidecar["weights_sha256"] == record["weights_sha256"]


def test_samples_in_python_are_those_of_the_file_batch_by_batch(tmp_path):
    settings = RECORDS["gschnet"]["sampling"]
    sample_to_file(shipped.SHIPPED / "gschnet", tmp_path / "a.xyz", 5, 2, 2, settings, "cpu")
    written = io.read(tmp_path / "a.xyz")
    same = tutti.sample("gschnet", 5, seed=2, batch_size=2, accelerator="cpu")
    positions = np.concatenate([atoms.positions for atoms in same])
    np.testing.assert_allclose(positions, written.positions, atol=1e-6)
    assert np.concatenate([atoms.numbers for atoms in same]).tolist() == written.numbers.tolist()
    smaller = tutti.sample("gschnet", 5, seed=2, accelerator="cpu", max_atoms=5)
    assert max(map(len, smaller)) == 5 < max(map(len, same))
    with pytest.raises(ValueError, match=r"n \(0\)"):
        tutti.sample("gschnet", 0)
    with pytest.raises(ValueError, match="is no generator"):
        tutti.sample("painn_ethanol", 5)
    with pytest.raises(ValueError, match="did you mean 'max_atoms'"):
        tutti.sample("gschnet", 5, max_atom=12)


def test_completion_by_name(ethanol, tmp_path):
    fragment = ase.io.read(ethanol)
    del fragment[-1]
    ase.io.write(tmp_path / "fragment.xyz", fragment)
    done = run("complete", "gschnet", tmp_path / "fragment.xyz", "--out", tmp_path / "whole.xyz")
    assert done.exit_code == 0, done.output
    np.testing.assert_allclose(io.read(tmp_path / "whole.xyz").positions[:8], fragment.positions, atol=1e-5)


@pytest.mark.parametrize("name", FORCE_FIELDS)
def test_force_fields_relax_what_they_are_for(name, ethanol, tmp_path):
    """Bond lengths of ethanol of microwave spectra, Å: C-C 1.51, C-O 1.43, O-H 0.97."""
    out = tmp_path / "relaxed.xyz"
    done = run("relax", ethanol, "--model", name, "--out", out)
    assert done.exit_code == 0, done.output
    assert f"the model: {name}, which ships with tutti" in done.stderr and "warning" not in done.stderr
    found = ase.io.read(out)
    assert found.info["converged"] and np.abs(found.get_forces()).max() < 0.01
    lengths = [found.get_distance(0, 1), found.get_distance(1, 2), found.get_distance(2, 3)]
    np.testing.assert_allclose(lengths, [1.51, 1.43, 0.97], atol=0.05)


def test_other_molecules_are_refused_or_told(ethanol, tmp_path):
    ase.io.write(tmp_path / "methanol.xyz", molecule("CH3OH"))
    ase.io.write(tmp_path / "ammonia.xyz", molecule("NH3"))
    beyond = "CH4O: painn_ethanol was trained on C2H6O alone"
    for number, command in enumerate(("relax", "predict", "md")):
        out, more = tmp_path / f"{number}.xyz", ("--steps", 10) if command == "md" else ()
        done = run(command, tmp_path / "methanol.xyz", "--model", "painn_ethanol", "--out", out, *more)
        assert done.exit_code == 0 and done.stderr.count(f"warning: {beyond}") == 1, done.output
        none = tmp_path / "none.xyz"
        done = run(command, tmp_path / "ammonia.xyz", "--model", "painn_ethanol", "--out", none, *more)
        assert done.exit_code == 1 and "holds N, which the model was not made for" in done.output
        assert not none.exists()
    calculator, methanol = tutti.Calculator("painn_ethanol", "cpu"), molecule("CH3OH")
    with pytest.warns(UserWarning, match=beyond) as told:
        methanol.calc = calculator
        methanol.get_forces()
        methanol.rattle(0.01)
        methanol.get_forces()
        ase.Atoms(methanol, calculator=calculator).get_forces()
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        atoms = ase.io.read(ethanol)
        atoms.calc = calculator
        atoms.get_forces()


def test_what_is_beyond_a_record():
    record = {"name": "m", "trained_on": {"formulas": None, "atoms": [3, 9]}}
    methane, ethane, benzene = ([molecule(name)] for name in ("CH4", "C2H6", "C6H6"))
    assert not shipped.beyond(record, Structures.from_ase(methane + ethane))
    told = shipped.beyond(record, Structures.from_ase(methane + benzene))
    assert told == "a structure has 12 atoms: m was trained on 3 to 9"
    record["trained_on"]["formulas"] = ["CH4"]
    told = shipped.beyond(record, Structures.from_ase(methane + ethane + benzene + benzene))
    assert told.startswith("C2H6, C6H6: m was trained on CH4 alone")
    assert not shipped.beyond(None, Structures.from_ase(benzene))


def test_a_folder_of_the_name_comes_first(tmp_path, monkeypatch):
    assert shipped.resolve("symphony") == shipped.SHIPPED / "symphony"
    monkeypatch.chdir(tmp_path)
    shutil.copytree(shipped.SHIPPED / "edm", "symphony")
    with pytest.warns(UserWarning, match="symphony: the folder of that name here is taken"):
        assert shipped.resolve("symphony") == Path("symphony")
    done = run("sample", "symphony", "-n", 1, "--out", "one.xyz")
    assert "warning: symphony: the folder of that name here is taken" in done.stderr
    assert "the model: edm, which ships with tutti" in done.stderr
    assert records.read("one.json")["model"]["module"] == "edm"
    assert shipped.resolve("results/mine") == Path("results/mine")  # whoever reads it says what it lacks
    with pytest.raises(FileNotFoundError, match="no model that ships: 'panin_ethanol'; did you mean 'painn"):
        tutti.Calculator("panin_ethanol")
    done = run("score", "x.xyz", "--model", "nowhere")
    assert done.exit_code == 1


def test_a_record_of_other_weights_is_refused(tmp_path):
    shutil.copytree(shipped.SHIPPED / "painn_ethanol", tmp_path / "m")
    shutil.copy(shipped.SHIPPED / "schnet_ethanol" / base.WEIGHTS, tmp_path / "m")
    with pytest.raises(seals.DamagedFile, match="not the weights_sha256 in"):
        shipped.record_of(tmp_path / "m")
    (tmp_path / "m" / shipped.RECORD).write_text("{}")
    with pytest.raises(seals.DamagedFile):
        tutti.Calculator(tmp_path / "m")
    assert shipped.record_of(tmp_path) is None


@pytest.mark.parametrize("name", GENERATORS)
def test_none_is_taken_for_the_published_one(name):
    """Their configurations are not those of the papers, which are all defaults."""
    model = base.load(shipped.SHIPPED / name)
    assert model.config != type(model.config)() and isinstance(model, Generator)
