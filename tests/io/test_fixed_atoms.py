"""Atoms that may not move: read from what ASE writes, kept, written as ASE reads it; other constraints."""

import gzip

import ase.db
import ase.io
import numpy as np
import pytest
from ase.build import molecule
from ase.constraints import FixAtoms, FixBondLength, FixCartesian

from tutti import io
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.io import FormatError, extxyz
from tutti.io.constraints import first_other

COLUMNS = ["symbols", "positions", "move_mask"]
IN_Z = FixCartesian([0, 1], mask=[False, False, True])
WHOLE = FixCartesian([0, 2])
SECOND, THIRD = [False, True, False], [False, False, True]


def water(*constraints):
    atoms = molecule("H2O")
    atoms.set_constraint(constraints)
    return atoms


def written(path, frames):
    """The frames in a file of a format that ASE writes."""
    if path.suffix == ".db":
        with ase.db.connect(path) as database:
            for frame in frames:
                database.write(frame)
    else:
        options = {"columns": COLUMNS} if path.suffix == ".extxyz" else {}
        ase.io.write(path, frames, **options)
    return path


@pytest.mark.parametrize("name", ["x.extxyz", "x.traj", "x.db"])
def test_fixed_atoms_of_what_ase_writes(tmp_path, name):
    path = written(tmp_path / name, [water(), water(FixAtoms([1])), water(WHOLE, FixAtoms([1]))])
    structures = io.read(path)
    assert structures.fixed.reshape(3, 3).tolist() == [[False] * 3, SECOND, [True] * 3]
    assert structures[::-1][:2].fixed.tolist() == [True] * 3 + SECOND
    assert "move_mask" not in structures.columns and io.read(path, samples=True).fixed is None
    assert first_other(path) == ""


@pytest.mark.parametrize(
    ("name", "place"), [("x.extxyz", "x.extxyz:7"), ("x.traj", "x.traj: frame 1"), ("x.db", "x.db: row 2")]
)
def test_what_fixes_directions_only_fixes_no_atom_and_is_found(tmp_path, name, place):
    path = written(tmp_path / name, [water(FixAtoms([1])), water(IN_Z, FixAtoms([2]))])
    assert io.read(path).fixed.reshape(2, 3).tolist() == [SECOND, THIRD]
    assert first_other(path) == str(tmp_path / place)
    if name == "x.extxyz":
        (tmp_path / "gz").mkdir()
        (tmp_path / "gz/x.xyz.gz").write_bytes(gzip.compress(path.read_bytes()))
        assert first_other(tmp_path / "gz") == f"{tmp_path / 'gz/x.xyz.gz'}:7"


@pytest.mark.parametrize("name", ["x.traj", "x.db"])
def test_a_fixed_bond_length_is_found(tmp_path, name):
    path = written(tmp_path / name, [water(FixBondLength(0, 1))])
    assert io.read(path).fixed is None and first_other(path).startswith(str(path))


def test_they_are_kept_in_files_and_in_ase(tmp_path):
    structures = Structures.from_ase([water(), water(FixAtoms([1]))])
    assert structures.fixed.tolist() == [False] * 3 + SECOND
    structures.save(tmp_path / "x.npz")
    extxyz.write(tmp_path / "x.extxyz", structures)
    kept = Structures.load(tmp_path / "x.npz"), io.read(tmp_path / "x.npz"), io.read(tmp_path / "x.extxyz")
    assert [each.digest for each in kept] == [structures.digest] * 3
    free, fixed = ase.io.read(tmp_path / "x.extxyz", ":")
    assert [each.constraints[0].index.tolist() for each in (free, fixed)] == [[], [1]]
    free, fixed = structures.to_ase()
    assert not free.constraints and fixed.constraints[0].index.tolist() == [1]
    with pytest.warns(UserWarning, match=r"x\.pdb: a PDB file has no place for fixed"):
        io.write(tmp_path / "x.pdb", structures)


def test_what_fixes_nothing(tmp_path):
    line = "Properties=species:S:1:pos:R:3:move_mask:L:1"
    (tmp_path / "all_move.xyz").write_text(
        f"2\n{line}\nO 0 0 0 T\nH 0 0 1 T\n\n1\nmove_mask is a word\nH 0 0 0\n"
    )
    assert first_other(tmp_path / "all_move.xyz") == "" == first_other(EMBEDDED / "qm9_6.npz")
    assert io.read(tmp_path / "all_move.xyz").fixed is None


def test_the_mask_stands_anywhere_and_in_any_case(tmp_path):
    line = "Properties=MOVE_MASK:L:3:species:S:1:pos:R:3"
    (tmp_path / "x.xyz").write_text(f"2\n{line}\nF F F O 0 0 0\nT T T H 0 0 1\n")
    assert io.read(tmp_path / "x.xyz").fixed.tolist() == [True, False]
    np.testing.assert_array_equal(io.read(tmp_path / "x.xyz").positions, [[0, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("columns", "atom", "message"),
    [
        (1, "O 0 0 0 maybe", r"x\.xyz:4: expected T or F in the column move_mask, found 'maybe'"),
        (2, "O 0 0 0 T T", r"x\.xyz:2: expected Properties with move_mask in one or three columns"),
    ],
)
def test_a_mask_that_is_none(tmp_path, columns, atom, message):
    good = "H 0 0 1" + " T" * columns
    text = f"2\nProperties=species:S:1:pos:R:3:move_mask:L:{columns}\n{good}\n{atom}\n"
    (tmp_path / "x.xyz").write_text(text)
    with pytest.raises(FormatError, match=message):
        io.read(tmp_path / "x.xyz")
