import sqlite3

import ase
import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect

from tutti import io
from tutti.io import FormatError


@pytest.fixture
def database(tmp_path):
    frames = [molecule("H2O"), bulk("NaCl", "rocksalt", 5.6), molecule("CH4")]
    with connect(tmp_path / "x.db") as database:
        for i, atoms in enumerate(frames):
            atoms.calc = SinglePointCalculator(
                atoms, energy=-i - 0.5, forces=np.full((len(atoms), 3), i + 0.25)
            )
            database.write(
                atoms, name=f"m{i}", gap=0.1 * i, **({"first": 1} if i == 0 else {}), data={"x": [1]}
            )
    return tmp_path / "x.db", frames


def test_rows_in_order(database):
    path, frames = database
    before = path.read_bytes()
    structures = io.read(path)
    for i, atoms in enumerate(frames):
        numbers, positions = structures.frame(i)
        np.testing.assert_array_equal(numbers, atoms.numbers)
        np.testing.assert_array_equal(positions, atoms.positions)
        np.testing.assert_array_equal(structures.cell[i], atoms.cell.array)
        np.testing.assert_array_equal(structures.pbc[i], atoms.pbc)
    assert structures.energy.tolist() == [-0.5, -1.5, -2.5]
    assert structures.forces[[0, 3, 5], 0].tolist() == [0.25, 1.25, 2.25]
    assert {name: column.tolist() for name, column in structures.columns.items()} == {
        "name": ["m0", "m1", "m2"],
        "gap": pytest.approx([0.0, 0.1, 0.2]),
    }
    assert path.read_bytes() == before


def test_units(database):
    path, _ = database
    plain, other = io.read(path), io.read(path, units={"energy": "Hartree"})
    np.testing.assert_allclose(other.energy / plain.energy, 27.211386245988, rtol=1e-8)
    np.testing.assert_allclose(other.forces / plain.forces, 27.211386245988, rtol=1e-8)


def test_molecules_have_no_cell(tmp_path):
    with connect(tmp_path / "x.db") as database:
        database.write(molecule("H2O"))
    structures = io.read(tmp_path / "x.db")
    assert structures.cell is None and structures.energy is None and structures.forces is None


def test_nan_names_the_row(tmp_path):
    with connect(tmp_path / "x.db") as database:
        database.write(molecule("H2O"))
        database.write(ase.Atoms("OH", [[0, 0, 0], [0, 0, np.nan]]))
    with pytest.raises(FormatError, match=r"x.db: row 2, atom 2: expected finite positions"):
        io.read(tmp_path / "x.db")


def test_other_files_are_refused_and_left_alone(tmp_path):
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE x (y INTEGER)").connection.commit()
    (tmp_path / "empty.db").write_bytes(b"")
    (tmp_path / "text.db").write_text("hello")
    for name in ("other.db", "empty.db", "text.db"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(FormatError, match=f"{name}: expected an ASE database"):
            io.read(tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
