"""ASE's trajectories, as a relaxation or a simulation leaves them."""

import pickle
import sys

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import Trajectory
from ase.io.ulm import Writer
from ase.optimize import BFGS

from tutti import io
from tutti.io import FormatError
from tutti.io.samples import read_samples


def test_a_relaxation(tmp_path):
    atoms = molecule("H2O")
    atoms.calc = EMT()
    BFGS(atoms, trajectory=str(tmp_path / "x.traj"), logfile=None).run(steps=3)
    found = io.read(tmp_path / "x.traj")
    frames = list(Trajectory(tmp_path / "x.traj"))
    assert len(found) == len(frames) == 4 and found.cell is None
    for i, frame in enumerate(frames):
        np.testing.assert_array_equal(found.frame(i)[1], frame.positions)
        np.testing.assert_array_equal(found.forces[3 * i : 3 * i + 3], frame.get_forces())
        assert found.energy[i] == frame.get_potential_energy()
    assert read_samples([tmp_path / "x.traj"]).n_atoms.tolist() == [3] * 4


def test_different_structures_with_info_constraints_and_units(tmp_path):
    water, salt = molecule("H2O"), bulk("NaCl", "rocksalt", 5.6)
    water.set_constraint(FixAtoms([0]))
    with Trajectory(tmp_path / "x.traj", "w") as file:
        for i, atoms in enumerate((water, salt)):
            atoms.info = {"name": f"m{i}", "odd": {"a": [1]}}
            atoms.calc = SinglePointCalculator(atoms, energy=i + 0.5, forces=np.full((len(atoms), 3), 2.0))
            file.write(atoms)
    found = io.read(tmp_path / "x.traj", units={"energy": "Hartree"})
    np.testing.assert_allclose(found.energy, np.array([0.5, 1.5]) * 27.211386245988, rtol=1e-8)
    np.testing.assert_allclose(found.forces, 2 * 27.211386245988, rtol=1e-8)
    np.testing.assert_array_equal(found.cell, [np.zeros((3, 3)), salt.cell.array])
    assert {name: column.tolist() for name, column in found.columns.items()} == {"name": ["m0", "m1"]}


class Bomb:
    """Ends the test when it is unpickled."""

    def __reduce__(self):
        return (sys.exit, ("unpickled",))


def test_nothing_is_unpickled(tmp_path, monkeypatch):
    with Trajectory(tmp_path / "x.traj", "w") as file:
        file.write(molecule("H2O"))

    def fail(*_, **__):
        raise AssertionError("unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, fail)
    assert len(io.read(tmp_path / "x.traj")) == 1
    # The trajectories of ASE before 3.9.
    (tmp_path / "old.traj").write_bytes(b"PickleTrajectory" + pickle.dumps(Bomb()))
    (tmp_path / "pickle.traj").write_bytes(pickle.dumps(Bomb()))
    for name in ("old", "pickle"):
        with pytest.raises(FormatError, match=f"{name}.traj: expected a trajectory of ASE"):
            io.read(tmp_path / f"{name}.traj")


def test_arrays_of_objects_are_not_read(tmp_path):
    with Trajectory(tmp_path / "x.traj", "w") as file:
        file.write(molecule("H2O"))
    whole = (tmp_path / "x.traj").read_bytes()
    assert b'"float64"' in whole
    (tmp_path / "x.traj").write_bytes(whole.replace(b'"float64"', b'"object" ', 1))
    with pytest.raises(FormatError, match=r"x\.traj: expected a readable ASE trajectory"):
        io.read(tmp_path / "x.traj")


def test_files_that_are_none(tmp_path):
    with Trajectory(tmp_path / "whole.traj", "w") as file:
        for _ in range(3):
            file.write(molecule("H2O"))
    whole = (tmp_path / "whole.traj").read_bytes()
    with Writer(tmp_path / "other.traj", tag="something else") as file:
        file.write(a=1)
    contents = {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"hello\n"}
    for name, content in contents.items():
        (tmp_path / f"{name}.traj").write_bytes(content)
    for name in (*contents, "other"):
        with pytest.raises(FormatError, match=rf"{name}.traj: expected"):
            io.read(tmp_path / f"{name}.traj")
