import sqlite3

import ase
import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect

from tutti import io
from tutti.io import FormatError
from tutti.io.samples import read_samples


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


NONE = {"energy": None, "forces": None}
METADATA = {
    "_property_unit_dict": {
        "energy": "kcal/mol",
        "forces": "kcal/mol/Bohr",
        "homo": "Ha",
        "mu": "Debye",
        "r2": "a0 a0",
    },
    "_distance_unit": "Bohr",
    "atomrefs": {},
}
"""As `schnetpack.data.ASEAtomsData.create` writes it."""


def schnetpack(path, metadata, **further):
    """A database as SchNetPack's `ASEAtomsData.add_systems` makes it: all properties in row.data."""
    water = molecule("H2O")
    properties = {"energy": np.array([-2.0]), "forces": np.full((3, 3), 1.5), **further}
    with connect(path, use_lock_file=False) as database:
        database.metadata = metadata
        for i in range(2):
            database.write(water, data={name: array * (i + 1) for name, array in properties.items()})
    return water


def test_properties_and_units_of_schnetpack(tmp_path):
    further = {
        "homo": np.array([-0.25]),
        "mu": np.array([1.85]),
        "r2": np.array([3.0]),
        "dipole": np.ones((1, 3)),
    }
    water = schnetpack(tmp_path / "x.db", METADATA, **further)
    found = io.read(tmp_path / "x.db")
    kcal, bohr = 0.0433641043, 0.529177210903
    np.testing.assert_allclose(found.energy, [-2 * kcal, -4 * kcal], rtol=1e-8)
    np.testing.assert_allclose(found.forces[[0, 3], 0], [1.5 * kcal / bohr, 3 * kcal / bohr], rtol=1e-8)
    np.testing.assert_allclose(found.frame(1)[1], water.positions * bohr)
    assert found.columns.keys() == {"homo", "mu", "r2"} and found.units == {"homo": "eV", "mu": "D"}
    np.testing.assert_allclose(found.columns["homo"], [-0.25 * 27.211386245988, -0.5 * 27.211386245988])
    assert found.columns["mu"].tolist() == [1.85, 3.7] and found.columns["r2"].tolist() == [3, 6]
    np.testing.assert_allclose(read_samples([tmp_path / "x.db"]).positions, found.positions)


def test_ase_s_own_energies_count_where_there_are_two(database):
    path, _ = database
    with connect(path, use_lock_file=False) as own:
        own.update(1, data={"energy": np.array([7.0]), "forces": np.zeros((3, 3))})
    found = io.read(path, units={"energy": "eV"})
    assert found.energy.tolist() == [-0.5, -1.5, -2.5] and found.forces[0, 0] == 0.25


def test_units_that_contradict_schnetpack_s(tmp_path):
    schnetpack(tmp_path / "x.db", METADATA)
    with pytest.raises(FormatError, match="expected energy in kcal/mol, as the metadata say, found eV given"):
        io.read(tmp_path / "x.db", units={"energy": "eV"})
    assert len(io.read(tmp_path / "x.db", units={"energy": "kcal/mol", "length": "bohr"})) == 2
    schnetpack(tmp_path / "y.db", {"_property_unit_dict": {"energy": "furlong"}})
    with pytest.raises(FormatError, match=r"y\.db: expected the unit of energy in the metadata, .*'furlong'"):
        io.read(tmp_path / "y.db")


@pytest.mark.parametrize("metadata", [{}, {"_property_unit_dict": {"energy": "", "forces": ""}}])
def test_properties_in_row_data_without_units_are_said(tmp_path, metadata):
    schnetpack(tmp_path / "x.db", metadata)
    message = (
        r"x.db: row 1: expected units of energies and forces in row.data, found none; .*units: {energy: eV}"
    )
    with pytest.raises(FormatError, match=message):
        io.read(tmp_path / "x.db")
    unlabelled = (io.read(tmp_path / "x.db", labels=False), io.read(tmp_path / "x.db", keys=NONE))
    assert [each.energy for each in unlabelled] == [each.forces for each in unlabelled] == [None, None]
    found = io.read(tmp_path / "x.db", units={"energy": "Hartree"})
    np.testing.assert_allclose(found.energy, [-2 * 27.211386245988, -4 * 27.211386245988], rtol=1e-8)
    np.testing.assert_allclose(found.forces[0, 0], 1.5 * 27.211386245988, rtol=1e-8)


def test_other_names_of_schnetpack_s_properties(tmp_path):
    said = {"total_energy": "kcal/mol", "atomic_forces": "kcal/mol/Ang", "homo": "Ha"}
    water = molecule("H2O")
    with connect(tmp_path / "x.db", use_lock_file=False) as database:
        database.metadata = {"_property_unit_dict": said, "_distance_unit": "Ang"}
        data = {
            "total_energy": np.array([-2.0]),
            "atomic_forces": np.full((3, 3), 1.5),
            "homo": np.array([0.1]),
        }
        database.write(water, data=data)
    keys = {"energy": "total_energy", "forces": "atomic_forces"}
    with pytest.raises(FormatError, match=r"row 1: .* keys: {energy: total_energy, forces: atomic_forces}"):
        io.read(tmp_path / "x.db")
    found, kcal = io.read(tmp_path / "x.db", keys=keys), 0.0433641043
    np.testing.assert_allclose(found.energy, [-2 * kcal], rtol=1e-8)
    np.testing.assert_allclose(found.forces[0, 0], 1.5 * kcal, rtol=1e-8)
    assert found.columns.keys() == {"homo"}
    with pytest.raises(FormatError, match="expected energy in kcal/mol, as the metadata say, found eV given"):
        io.read(tmp_path / "x.db", keys=keys, units={"energy": "eV"})


def test_other_files_are_refused_and_left_alone(tmp_path):
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE x (y INTEGER)").connection.commit()
    (tmp_path / "empty.db").write_bytes(b"")
    (tmp_path / "text.db").write_text("hello")
    for name in ("other.db", "empty.db", "text.db"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(FormatError, match=f"{name}: expected an ASE database"):
            io.read(tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
