"""`tutti relax` and `tutti md` as their users meet them."""

import subprocess
import sys
import time

import ase
import ase.io
import numpy as np
import pytest
import torch
from ase import units
from ase.build import molecule
from ase.constraints import FixAtoms
from typer.testing import CliRunner

import tutti
from tutti import io
from tutti.cli import app
from tutti.core.structures import Structures
from tutti.io import extxyz
from tutti.models import base
from tutti.simulation import to_file

CONFIG = {"elements": ["H", "C", "O"], "channels": 8, "layers": 2, "n_gaussians": 8, "cutoff": 4.0}


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """model/, ethanol.xyz with two frames, crystal.extxyz."""
    folder = tmp_path_factory.mktemp("cli")
    model = base.create("forcefields", "schnet", CONFIG, seed=3).double()
    model.references.copy_(torch.tensor([-13.0, -1030.0, -2040.0]))
    model.scale.copy_(torch.tensor([2.0, 3.0, 4.0]))
    model.save(folder / "model")
    frames = [molecule("CH3CH2OH"), molecule("H2O")]
    for i, atoms in enumerate(frames):
        atoms.rattle(0.05, seed=i)
        atoms.info["id"] = f"start {i}"
    extxyz.write(folder / "molecules.xyz", Structures.from_ase(frames))
    crystal = ase.Atoms("CO", [[0, 0, 0], [1.4, 1.3, 1.5]], cell=[2.7, 2.8, 2.9], pbc=True)
    extxyz.write(folder / "crystal.extxyz", Structures.from_ase([crystal]))
    return folder


def test_relaxed_structures_have_energies_and_small_forces(folder, tmp_path):
    out = tmp_path / "new" / "relaxed.extxyz"
    result = run("relax", folder / "molecules.xyz", "--model", folder / "model", "--out", out, "--fmax", 0.02)
    assert result.exit_code == 0, result.output
    assert f"The structures: {out}" in result.output
    relaxed, start = io.read(out), io.read(folder / "molecules.xyz")
    assert relaxed.columns.keys() == {"converged", "steps"}
    assert relaxed.columns["converged"].all() and (relaxed.columns["steps"] > 0).all()
    assert np.linalg.norm(relaxed.forces, axis=1).max() <= 0.02
    calculator = tutti.Calculator(folder / "model", "cpu")
    for before, after in zip(start.to_ase(), relaxed.to_ase(), strict=True):
        check = after.copy()
        before.calc = check.calc = calculator
        assert after.get_potential_energy() == pytest.approx(check.get_potential_energy(), abs=1e-9)
        np.testing.assert_allclose(after.get_forces(), check.get_forces(), atol=1e-9)
        assert after.get_potential_energy() < before.get_potential_energy()


def test_relaxations_that_are_cut_short_are_told(folder, tmp_path):
    out = tmp_path / "relaxed.extxyz"
    result = run("relax", folder / "molecules.xyz", "--model", folder / "model", "--out", out, "--steps", 1)
    assert result.exit_code == 0
    assert "warning: 2 of 2 did not converge in 1 steps" in result.output
    assert io.read(out).columns["converged"].tolist() == [False, False]


def test_cells_are_relaxed_where_asked_for(folder, tmp_path):
    command = ("relax", folder / "crystal.extxyz", "--model", folder / "model", "--fmax", 0.02)
    fixed, free = tmp_path / "fixed.extxyz", tmp_path / "free.extxyz"
    assert run(*command, "--out", fixed).exit_code == 0
    assert run(*command, "--out", free, "--cell").exit_code == 0
    before, kept, relaxed = (next(io.read(p).to_ase()) for p in (folder / "crystal.extxyz", fixed, free))
    np.testing.assert_array_equal(kept.cell, before.cell)
    assert abs(relaxed.cell - before.cell).max() > 0.01
    relaxed.calc = tutti.Calculator(folder / "model", "cpu")
    assert relaxed.get_volume() * np.abs(relaxed.get_stress()).max() < 0.05


def test_fixed_atoms_stay_where_they_are_and_are_told_in_the_output(folder, tmp_path):
    atoms = molecule("CH3CH2OH")
    atoms.set_constraint(FixAtoms([0, 1, 2]))
    ase.io.write(tmp_path / "in.extxyz", atoms, columns=["symbols", "positions", "move_mask"])
    options = ("--model", folder / "model", "--out", tmp_path / "out.extxyz", "--steps", 10)
    assert run("relax", tmp_path / "in.extxyz", *options).exit_code == 0
    before, after = io.read(tmp_path / "in.extxyz"), io.read(tmp_path / "out.extxyz")
    moved = np.abs(after.positions - before.positions).max(1) > 0
    assert moved.tolist() == [False] * 3 + [True] * 6
    assert after.fixed.tolist() == [True] * 3 + [False] * 6


def test_a_molecule_has_no_cell_to_relax(folder, tmp_path):
    command = ("relax", folder / "molecules.xyz", "--model", folder / "model", "--out", tmp_path / "x.extxyz")
    result = run(*command, "--cell")
    assert result.exit_code == 1
    assert "error: a structure without a cell is not periodic in three directions" in result.output


def md(folder, out, *options, file="molecules.xyz"):
    return run("md", folder / file, "--model", folder / "model", "--out", out, *options)


def test_a_trajectory_has_times_energies_and_forces(folder, tmp_path):
    out = tmp_path / "new" / "md.extxyz"
    result = md(folder, out, "--steps", 20, "--every", 5, "--timestep", 0.25)
    assert result.exit_code == 0, result.output
    assert "holds 2 structures; starting from the first" in result.output
    frames = ase.io.read(out, ":")
    assert [frame.info["time"] for frame in frames] == [0, 1.25, 2.5, 3.75, 5]
    start = io.read(folder / "molecules.xyz").frame(0)[1]
    np.testing.assert_allclose(frames[0].positions, start, atol=1e-8)
    check = frames[3].copy()
    check.calc = tutti.Calculator(folder / "model", "cpu")
    assert frames[3].get_potential_energy() == pytest.approx(check.get_potential_energy(), abs=1e-5)
    np.testing.assert_allclose(frames[3].get_forces(), check.get_forces(), atol=1e-5)
    kinetic = 1.5 * 9 * units.kB * frames[3].info["temperature"]
    assert frames[3].get_kinetic_energy() == pytest.approx(kinetic, rel=1e-5)
    structures = io.read(out)
    assert len(structures) == 5 and structures.forces is not None


def test_constant_energy(folder, tmp_path):
    out = tmp_path / "md.extxyz"
    result = md(folder, out, "--nve", "--picoseconds", 0.02, "--every", 4)
    assert result.exit_code == 0, result.output
    frames = ase.io.read(out, ":")
    assert len(frames) == 11 and frames[-1].info["time"] == pytest.approx(20)
    total = [frame.get_potential_energy() + frame.get_kinetic_energy() for frame in frames]
    assert np.ptp(total) < 0.01 < np.ptp([frame.get_kinetic_energy() for frame in frames])
    assert "Energy drift: " in result.output and " meV/atom/ps, fluctuation around it " in result.output
    assert frames[0].info["temperature"] == pytest.approx(300)
    assert np.abs(frames[-1].get_momenta().sum(axis=0)).max() < 1e-6


def test_the_drift_is_that_of_the_energies_in_the_file(folder, tmp_path):
    out = tmp_path / "md.extxyz"
    result = md(folder, out, "--nve", "--timestep", 2, "--steps", 200, "--every", 1)
    frames = ase.io.read(out, ":")
    total = [1000 * (frame.get_potential_energy() + frame.get_kinetic_energy()) / 9 for frame in frames]
    slope = np.polyfit([frame.info["time"] / 1000 for frame in frames], total, 1)[0]
    found = float(result.output.partition("Energy drift: ")[2].partition(" ")[0])
    assert found == pytest.approx(slope, rel=0.06) and found != 0


def test_only_whole_intervals_are_simulated_and_told(folder, tmp_path):
    out = tmp_path / "md.extxyz"
    result = md(folder, out, "--steps", 25, "--every", 10)
    assert "--every 10: 25 time steps are no multiple of it; simulating 20\n" in result.output
    assert [frame.info["time"] for frame in ase.io.read(out, ":")] == [0, 5, 10]


def test_the_case_of_fixed_atoms(folder, tmp_path, shared_data):
    file = shared_data.parent / "cases/K1_fixatoms/in.extxyz"
    if not file.exists():
        pytest.skip("not found: ../shared/cases/K1_fixatoms/in.extxyz beside the repository")
    start = ase.io.read(file)
    for command, options in (("relax", ()), ("md", ("--steps", 50)), ("md", ("--steps", 50, "--nve"))):
        out = tmp_path / f"{command}{len(options)}.extxyz"
        result = run(command, file, "--model", folder / "model", "--out", out, *options)
        assert result.exit_code == 0, result.output
        frames = ase.io.read(out, ":")
        for frame in frames:
            np.testing.assert_array_equal(frame.positions[:3], start.positions[:3])
            assert [each.index.tolist() for each in frame.constraints] == [[0, 1, 2]]
        assert np.abs(frames[-1].positions - start.positions)[3:].max() > 0.01


def test_seeds_decide(folder, tmp_path):
    names = ("a.xyz", "b.xyz", "c.xyz")
    for name, seed in zip(names, (1, 1, 2), strict=True):
        assert md(folder, tmp_path / name, "--steps", 10, "--seed", seed).exit_code == 0
    first, again, other = ((tmp_path / name).read_bytes() for name in names)
    assert first == again != other


def test_the_thermostat_is_at_its_temperature(folder, tmp_path):
    out = tmp_path / "md.extxyz"
    options = ("--temperature", 500, "--timestep", 1, "--steps", 700, "--every", 5)
    assert md(folder, out, *options).exit_code == 0
    found = [frame.info["temperature"] for frame in ase.io.read(out, "20:")]
    # 27 degrees of freedom, correlated over 100 fs: 0.6 ps have about 6 independent temperatures.
    assert 500 - 4 * 55 < np.mean(found) < 500 + 4 * 55


def test_a_trajectory_is_never_overwritten(folder, tmp_path):
    out = tmp_path / "md.extxyz"
    out.write_text("precious")
    result = md(folder, out, "--steps", 10)
    assert result.exit_code == 1
    assert "exists already; delete it or write to another file" in result.output
    assert out.read_text() == "precious"


def test_an_explosion_leaves_what_there_was(folder, tmp_path):
    out = tmp_path / "md.extxyz"
    result = md(folder, out, "--temperature", 3000, "--timestep", 20, "--steps", 1000, "--every", 1)
    assert result.exit_code == 1
    assert "error: the simulation broke down: " in result.output and f"what there is: {out}" in result.output
    assert 1 <= len(ase.io.read(out, ":")) < 1000


def test_frames_are_in_the_file_as_they_come(folder, tmp_path, monkeypatch):
    out, frames = tmp_path / "md.extxyz", to_file.trajectory

    def stopped(*arguments):
        for i, frame in enumerate(frames(*arguments)):
            if i == 3:
                assert len(ase.io.read(out, ":")) == 3
                raise KeyboardInterrupt
            yield frame

    monkeypatch.setattr(to_file, "trajectory", stopped)
    result = md(folder, out, "--steps", 100)
    assert result.exit_code == 130 and f"Stopped. The frames until here: {out}" in result.output
    assert len(ase.io.read(out, ":")) == 3


@pytest.mark.parametrize("command", ["relax", "md"])
def test_mistakes_are_told_in_a_line(command, folder, tmp_path):
    def message(file, model, *options):
        result = run(command, file, "--model", model, "--out", tmp_path / "out.extxyz", *options)
        assert result.exit_code == 1 and result.exception.args == (1,)
        assert not (tmp_path / "out.extxyz").exists()
        return result.output

    model, molecules = folder / "model", folder / "molecules.xyz"
    assert "no such file or folder" in message(tmp_path / "nothing.xyz", model)
    assert "config.json: not found; train the model first" in message(molecules, tmp_path)
    (tmp_path / "bad.xyz").write_text("2\n\nC 0 0 0\n")
    assert "error: " in message(tmp_path / "bad.xyz", model)
    (tmp_path / "sulphur.xyz").write_text("1\n\nS 0 0 0\n")
    unknown = "holds S, which the model was not made for (it knows H, C, O)"
    assert unknown in message(tmp_path / "sulphur.xyz", model)
    assert "write auto, cpu or cuda" in message(molecules, model, "--accelerator", "tpu")


@pytest.mark.parametrize("command", ["relax", "md"])
def test_help_has_an_example(command):
    result = run(command, "--help")
    words = " ".join(result.output.split())  # whatever the width of the terminal
    assert result.exit_code == 0 and f"tutti {command} " in words.partition("Example")[2]


def test_the_package_and_its_help_come_without_torch():
    check = "import sys, tutti, tutti.cli; print([m for m in ('torch', 'ase', 'numpy') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", check], text=True) == "[]\n"


def test_help_and_refusals_import_little(tmp_path):
    (tmp_path / "x.pkl").write_text("")
    (tmp_path / "bad.xyz").write_text("1\nno number\nH 0 0 z\n")
    run_it = """
import sys
from tutti.cli import app
try:
    app()
except SystemExit:
    slow = {"rich", "pandas", "rdkit.Chem", "matplotlib", "scipy", "torch"}
    print("loaded", sorted(slow & sys.modules.keys()))
"""
    refused = (["evaluate", name, "--out", "o"] for name in ("x.pkl", "bad.xyz"))
    for arguments in (["--help"], ["evaluate", "--help"], *refused):
        command = [sys.executable, "-c", run_it, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "loaded []", arguments
    assert "error: bad.xyz:3: expected a number, found 'z'" in done.stderr
    assert not (tmp_path / "o" / "evaluation.json").exists()


def test_help_comes_at_once_and_files_of_no_known_format_are_refused_at_once(tmp_path):
    """Under half a second, and under one: on a machine that does other things, twice that."""
    (tmp_path / "x.pkl").write_text("")

    def seconds(*arguments):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", "from tutti.cli import app; app()", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        return time.perf_counter() - start, done

    took, done = min((seconds("--help") for _ in range(3)), key=lambda each: each[0])
    assert done.returncode == 0 and took < 1
    took, done = min((seconds("evaluate", "x.pkl", "--out", "o") for _ in range(3)), key=lambda each: each[0])
    assert (
        done.returncode == 1
        and "x.pkl: expected a format that is read, found a pickle" in done.stderr
        and took < 2
    )
    assert not (tmp_path / "o").exists()


def test_the_version_and_completion():
    result = run("--version")
    assert result.exit_code == 0 and result.output == f"tutti {tutti.__version__}\n"
    assert "--install-completion" in run("--help").output
