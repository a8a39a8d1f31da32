"""What commands, `tutti relax` and `tutti md` most, refuse before any work, in a line that says why."""

import os
import shutil

import ase.db
import ase.io
import numpy as np
import pytest
from ase.build import molecule
from ase.constraints import FixCartesian
from typer.testing import CliRunner

from tutti.cli import app
from tutti.core.locks import alone
from tutti.core.structures import Structures
from tutti.io import extxyz
from tutti.models import base

CONFIG = {"elements": ["H", "C", "O"], "channels": 8, "layers": 2, "n_gaussians": 8, "cutoff": 4.0}


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """model/ and molecules.xyz."""
    folder = tmp_path_factory.mktemp("refusals")
    base.create("forcefields", "schnet", CONFIG, seed=3).save(folder / "model")
    extxyz.write(folder / "molecules.xyz", Structures.from_ase([molecule("CH3CH2OH")]))
    return folder


def md(folder, out, *options):
    return run("md", folder / "molecules.xyz", "--model", folder / "model", "--out", out, *options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--steps", 5, "--picoseconds", 1), "--steps and --picoseconds: give one of them"),
        (("--steps", 5, "--every", 10), "--every 10: more than the 5 time steps of the simulation"),
        (("--picoseconds", 1e-6), "--picoseconds 1e-06: shorter than a time step of 0.5 fs"),
        (("--steps", 10**400), f"--steps {10**400}: must be at most 1e+09"),
        (("--every", 10**400), f"--every {10**400}: must be at most 1e+09"),
        *(
            ((option, value), f"{option} {value}: must be a positive number")
            for option in ("--timestep", "--temperature", "--picoseconds", "--steps", "--every")
            for value in ("0", "-1", *([] if option in ("--steps", "--every") else ["nan"]))
        ),
        *(
            ((option, value), f"{option} {value}: must be at most {most}")
            for option, most in (("--timestep", 100), ("--temperature", 10000), ("--picoseconds", 500000))
            for value in ("inf", "1e+300")
        ),
    ],
)
def test_odd_options_are_named(folder, tmp_path, options, message):
    result = md(folder, tmp_path / "md.extxyz", *options)
    assert result.exit_code == 1 and result.output == f"error: {message}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--steps", "--every", "--seed"])
@pytest.mark.parametrize("value", ["nan", "inf", "1e300", "0.5"])
def test_whole_numbers_are_whole_numbers(folder, tmp_path, option, value):
    result = md(folder, tmp_path / "md.extxyz", option, value)
    assert result.exit_code == 2 and f"Invalid value for '{option}'" in result.output


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        *((o, v, "must be a positive number") for o in ("--fmax", "--steps") for v in ("0", "-1")),
        ("--fmax", "nan", "must be a positive number"),
        *(("--fmax", v, "must be at most 100") for v in ("inf", "1e+300")),
        ("--steps", str(10**400), "must be at most 1e+09"),
    ],
)
def test_odd_options_of_relaxations_are_named(folder, tmp_path, option, value, message):
    command = ("relax", folder / "molecules.xyz", "--model", folder / "model", "--out", tmp_path / "out.xyz")
    result = run(*command, option, value)
    assert result.exit_code == 1 and result.output == f"error: {option} {value}: {message}\n"
    assert not list(tmp_path.iterdir())


ALONE = "O 0 0 0\n"
SAME = "H 0 0 0\nH 0 0 0\n"
HELD = "O 0 0 0 F\nH 0 0 0.97 F\n"


@pytest.mark.parametrize(
    ("atoms", "options", "message"),
    [
        (ALONE, ("--nve",), "--nve: {file} is a single atom, which has no motion at constant energy"),
        (SAME, (), "{file}: atoms 0 and 1 (from 0) lie on one spot, where forces have no direction"),
        (SAME, ("--nve",), "{file}: atoms 0 and 1 (from 0) lie on one spot, where forces have no direction"),
        (HELD, (), "{file}: all atoms are fixed: nothing moves"),
    ],
)
def test_what_cannot_move_is_refused(folder, tmp_path, atoms, options, message):
    file, layout = tmp_path / "in.xyz", "Properties=species:S:1:pos:R:3:move_mask:L:1"
    file.write_text(f"{atoms.count(chr(10))}\n{layout if atoms == HELD else ''}\n{atoms}")
    command = ("md", file, "--model", folder / "model", "--out", tmp_path / "out.xyz", "--steps", 10)
    result = run(*command, *options)
    assert result.exit_code == 1 and result.output.endswith(f"error: {message.format(file=file)}\n")
    assert not (tmp_path / "out.xyz").exists()


@pytest.mark.parametrize("name", ["eth.extxyz", "h2.xyz", "o.xyz", "same.xyz", "zero.xyz"])
@pytest.mark.parametrize("options", [("relax",), ("md", "--steps", 10), ("md", "--nve", "--steps", 10)])
def test_odd_files_are_worked_with_or_refused_in_a_line(folder, tmp_path, shared_data, name, options):
    file = shared_data.parent / "cases/N_md" / name
    if not file.exists():
        pytest.skip(f"not found: ../shared/cases/N_md/{name} beside the repository")
    out = tmp_path / "out.extxyz"
    result = run(options[0], file, "--model", folder / "model", "--out", out, *options[1:])
    if result.exit_code:
        last = result.output.splitlines()[-1]
        assert result.exit_code == 1 and last.startswith("error: ") and name in last and not out.exists()
    refused = {"zero.xyz"} | ({"same.xyz"} if "md" in options else set())
    assert bool(result.exit_code) == (name in refused | ({"o.xyz"} if "--nve" in options else set()))
    if (name, options) == ("same.xyz", ("relax",)):
        assert "structure 0: atoms 0 and 1 (from 0) lie on one spot" in result.output


@pytest.mark.parametrize("command", ["relax", "md"])
def test_energies_and_forces_that_nobody_needs_are_not_read(command, folder, tmp_path):
    """In one frame only, no numbers, and under names that no reader knows."""
    layout = "Properties=species:S:1:pos:R:3:dft_forces:R:3"
    first = f"2\n{layout} energy=unknown\nO 0 0 0 nan 0 0\nH 0 0 0.97 0 0 0\n"
    (tmp_path / "in.xyz").write_text(f"{first}2\n\nO 0 0 0\nH 0 0 0.98\n")
    out = tmp_path / "out.xyz"
    result = run(command, tmp_path / "in.xyz", "--model", folder / "model", "--out", out, "--steps", 10)
    assert result.exit_code == 0, result.output
    assert np.isfinite(ase.io.read(out).get_potential_energy())


@pytest.mark.parametrize("command", ["relax", "md"])
def test_structures_without_atoms_are_refused(command, folder, tmp_path):
    (tmp_path / "zero.xyz").write_text("1\n\nH 0 0 0\n0\n\n")
    result = run(command, tmp_path / "zero.xyz", "--model", folder / "model", "--out", tmp_path / "out.xyz")
    assert result.exit_code == 1 and "zero.xyz: structure 1 has no atoms" in result.output


@pytest.mark.parametrize("command", ["relax", "md"])
def test_constraints_that_would_not_be_kept_are_refused(command, folder, tmp_path):
    free, held = molecule("H2O"), molecule("CH3CH2OH")
    held.set_constraint(FixCartesian([0, 1], mask=[True, False, False]))
    columns = ["symbols", "positions", "move_mask"]
    ase.io.write(tmp_path / "held.extxyz", [free, held], columns=columns)
    with ase.db.connect(tmp_path / "held.db") as database:
        database.write(free)
        database.write(held)
    for name, place in (("held.extxyz", "held.extxyz:7"), ("held.db", "held.db: row 2")):
        out = tmp_path / "out.extxyz"
        result = run(command, tmp_path / name, "--model", folder / "model", "--out", out)
        expected = f"{place}: holds a constraint that does more than fix atoms whole"
        assert result.exit_code == 1 and expected in result.output
        assert not out.exists()
    masked = "Properties=species:S:1:move_mask:L:1:pos:R:3"  # of atoms that all may move
    (tmp_path / "free.extxyz").write_text(f"2\n{masked}\nO T 0 0 0\nH T 0 0 0.97\n")
    options = ("--model", folder / "model", "--out", tmp_path / "out.extxyz", "--steps", 10)
    assert run(command, tmp_path / "free.extxyz", *options).exit_code == 0


@pytest.mark.parametrize(
    ("command", "name", "message"),
    [
        ("relax", "out.dcd", "out.dcd: expected a file named *.xyz, *.extxyz, "),
        ("relax", "out", "out: expected a file named *.xyz, *.extxyz, "),
        ("md", "out.pdb", "out.pdb: written is extended xyz: choose a name that ends with .extxyz or .xyz"),
        ("md", "out.extxyz.gz", "choose a name that ends with .extxyz or .xyz"),
    ],
)
def test_formats_that_are_not_written_are_refused_before_any_work(command, name, message, tmp_path):
    result = run(command, "nowhere.xyz", "--model", "nowhere", "--out", tmp_path / name)
    assert result.exit_code == 1 and message in result.output


def test_relaxed_structures_as_pdb(folder, tmp_path, monkeypatch):
    command = ("relax", folder / "molecules.xyz", "--model", folder / "model", "--steps", 1, "--out")
    result = run(*command, tmp_path / "out.pdb")
    assert result.exit_code == 0, result.output
    assert "a PDB file has no place for energy, forces, converged, steps" in result.output
    assert ase.io.read(tmp_path / "out.pdb").get_chemical_formula() == "C2H6O"
    slab = molecule("CH3CH2OH", cell=[9, 9, 9], pbc=[True, True, False])
    extxyz.write(tmp_path / "slab.xyz", Structures.from_ase([slab]))
    monkeypatch.setattr("tutti.simulation.relaxation.relax", None)  # before any work
    result = run("relax", tmp_path / "slab.xyz", *command[2:], tmp_path / "slab.pdb")
    assert result.exit_code == 1 and "a PDB file is periodic in all directions or none" in result.output


def test_relaxed_structures_are_never_written_over_a_file(folder, tmp_path):
    (tmp_path / "out.xyz").write_text("precious")
    out = tmp_path / "out.xyz"
    result = run("relax", folder / "molecules.xyz", "--model", folder / "model", "--out", out)
    assert result.exit_code == 1 and "exists already" in result.output and out.read_text() == "precious"


def test_the_only_model_in_a_folder_is_found_and_several_are_listed(folder, tmp_path):
    for name in ("a/seed0", "b/seed0", "b/seed1"):
        shutil.copytree(folder / "model", tmp_path / name)
    command = ("relax", folder / "molecules.xyz", "--steps", 1, "--out")
    result = run(*command, tmp_path / "a.xyz", "--model", tmp_path / "a")
    assert result.exit_code == 0 and f"the model: {tmp_path / 'a/seed0'}" in result.output
    result = run(*command, tmp_path / "b.xyz", "--model", tmp_path / "b")
    several = f"{tmp_path / 'b/seed0'}, {tmp_path / 'b/seed1'}"
    assert result.exit_code == 1 and f"holds several models; give one: {several}" in result.output
    result = run(*command, tmp_path / "c.xyz", "--model", tmp_path)
    assert result.exit_code == 1 and "holds several models" in result.output


@pytest.mark.parametrize("command", ["sample", "complete", "relax", "md", "score", "predict", "compare"])
def test_what_another_command_writes_is_refused(tmp_path, command):
    files = [tmp_path / "in.xyz"] * (1 if command not in ("complete", "compare") else 2)
    out = tmp_path / "out.xyz"
    with alone(tmp_path / ".out.xyz.lock", str(out)):
        result = run(command, *files, "--out", out)
    assert result.exit_code == 1
    assert result.output.startswith(f"error: {out}: in use by process {os.getpid()} (since")
    assert result.output.count("\n") == 1
    assert not list(tmp_path.iterdir())
