"""Structures written by the end of a file's name."""

import ase.io
import numpy as np
import pytest
from rdkit import Chem

from tutti import io
from tutti.core.structures import Structures
from tutti.io import writing

RNG = np.random.default_rng(2)
CELL = np.array([[5.0, 0.1, 0], [0.3, 6.0, 0.2], [0, 0.4, 7.0]])
MIXED = Structures.from_frames(
    [([8, 1, 1], RNG.normal(size=(3, 3))), ([17, 20, 6, 1], 100 * RNG.normal(size=(4, 3))), ([], [])]
)


@pytest.mark.parametrize("name", ["x.pdb", "X.PDB"])
def test_pdb_files_are_read_again(tmp_path, name):
    io.write(tmp_path / name, MIXED)
    found = io.read(tmp_path / name)
    np.testing.assert_array_equal(found.n_atoms, MIXED.n_atoms)
    np.testing.assert_array_equal(found.numbers, MIXED.numbers)
    np.testing.assert_allclose(found.positions, MIXED.positions, atol=5.01e-4)
    assert found.cell is None


def test_others_read_our_pdb_files(tmp_path):
    io.write(tmp_path / "x.pdb", MIXED[:2])
    for atoms, mine in zip(ase.io.read(tmp_path / "x.pdb", ":"), MIXED[:2].to_ase(), strict=True):
        np.testing.assert_array_equal(atoms.numbers, mine.numbers)
        np.testing.assert_allclose(atoms.positions, mine.positions, atol=5.01e-4)
    first = Chem.MolFromPDBFile(str(tmp_path / "x.pdb"), removeHs=False, sanitize=False)
    assert [atom.GetAtomicNum() for atom in first.GetAtoms()] == [8, 1, 1]


def test_cells_in_pdb_files(tmp_path):
    cells = np.array([CELL, 2 * CELL, np.zeros((3, 3))])
    pbc = np.array([[True] * 3, [True] * 3, [False] * 3])
    structures = Structures.from_frames([([6, 1], RNG.normal(size=(2, 3)))] * 3, cell=cells, pbc=pbc)
    io.write(tmp_path / "x.pdb", structures[:2])
    for mine, atoms in zip(structures.to_ase(), io.read(tmp_path / "x.pdb").to_ase(), strict=False):
        np.testing.assert_allclose(atoms.cell.cellpar(), mine.cell.cellpar(), atol=0.01)
        np.testing.assert_allclose(
            atoms.get_scaled_positions(wrap=False), mine.get_scaled_positions(wrap=False), atol=1e-3
        )
        assert atoms.pbc.all()
    with pytest.raises(ValueError, match="some structures of a PDB file are periodic and others not"):
        io.write(tmp_path / "y.pdb", structures)


def test_extended_xyz_keeps_all(tmp_path):
    structures = MIXED.with_columns(converged=np.array([True, False, True]))
    for suffix in writing.EXTXYZ:
        io.write(tmp_path / f"x{suffix}", structures)
        assert io.read(tmp_path / f"x{suffix}").digest == structures.digest


def test_what_a_pdb_file_has_no_place_for_is_said(tmp_path):
    structures = Structures.from_frames([([2], [[0, 0, 0]])], energy=np.ones(1)).with_columns(
        steps=np.ones(1)
    )
    with pytest.warns(UserWarning, match=r"x.pdb: a PDB file has no place for energy, steps$"):
        io.write(tmp_path / "x.pdb", structures)


@pytest.mark.parametrize("name", ["x.cif", "x", "x.sdf", "pdb"])
def test_other_names_are_refused_before_the_work(tmp_path, name):
    expected = r"expected a file named \*.xyz, \*.extxyz, \*.xyz.gz, \*.extxyz.gz, \*.pdb to write"
    for act in (writing.check, lambda path: io.write(path, MIXED)):
        with pytest.raises(ValueError, match=f"{name}: {expected}"):
            act(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("position", [np.nan, np.inf, 1e4, -1e3])
def test_what_does_not_fit_leaves_the_old_file(tmp_path, position):
    io.write(tmp_path / "x.pdb", MIXED)
    before = (tmp_path / "x.pdb").read_bytes()
    with pytest.raises(ValueError, match="coordinates of a PDB file are between -1000 and 10000 Å, found"):
        io.write(tmp_path / "x.pdb", Structures.from_frames([([2], [[0, 0, position]])]))
    slab = Structures.from_frames([([2], [[0, 0, 0]])], cell=CELL[None], pbc=np.array([[True, True, False]]))
    with pytest.raises(ValueError, match="periodic in all directions or none"):
        io.write(tmp_path / "x.pdb", slab)
    assert (tmp_path / "x.pdb").read_bytes() == before and len(list(tmp_path.iterdir())) == 1
