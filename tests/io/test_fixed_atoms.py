"""Which files say that atoms are not to move."""

import gzip

import ase.db
import ase.io
import pytest
from ase.build import molecule
from ase.constraints import FixAtoms, FixCartesian

from tutti.data.shipped import EMBEDDED
from tutti.io import FormatError
from tutti.io.fixed import first_fixed


def water(constraint=None):
    atoms = molecule("H2O")
    atoms.set_constraint(constraint)
    return atoms


@pytest.mark.parametrize("constraint", [FixAtoms([1]), FixCartesian([0, 1], mask=[True, False, False])])
def test_what_ase_writes(tmp_path, constraint):
    frames, columns = [water(), water(), water(constraint)], ["symbols", "positions", "move_mask"]
    ase.io.write(tmp_path / "x.extxyz", frames, columns=columns)
    where = f"{tmp_path / 'x.extxyz'}:11"
    assert first_fixed(tmp_path / "x.extxyz") == where
    assert all("move_mask" not in str(frame.arrays) for frame in frames)
    (tmp_path / "gz").mkdir()
    (tmp_path / "gz/x.xyz.gz").write_bytes(gzip.compress((tmp_path / "x.extxyz").read_bytes()))
    assert first_fixed(tmp_path / "gz") == f"{tmp_path / 'gz/x.xyz.gz'}:11"


def test_a_database(tmp_path):
    with ase.db.connect(tmp_path / "x.db") as database:
        database.write(water())
        database.write(water(FixAtoms([0])))
    assert first_fixed(tmp_path / "x.db") == f"{tmp_path / 'x.db'}: row 2"


def test_a_trajectory(tmp_path):
    ase.io.write(tmp_path / "x.traj", [water(), water(FixAtoms([0]))])
    assert first_fixed(tmp_path / "x.traj") == f"{tmp_path / 'x.traj'}: frame 1"


def test_what_fixes_nothing(tmp_path):
    line = "Properties=species:S:1:pos:R:3:move_mask:L:1"
    (tmp_path / "all_move.xyz").write_text(
        f"2\n{line}\nO 0 0 0 T\nH 0 0 1 T\n\n1\nmove_mask is a word\nH 0 0 0\n"
    )
    assert first_fixed(tmp_path / "all_move.xyz") == "" == first_fixed(EMBEDDED / "qm9_6.npz")


def test_a_mask_that_is_none(tmp_path):
    line = "Properties=species:S:1:pos:R:3:move_mask:L:1"
    (tmp_path / "x.xyz").write_text(f"1\n{line}\nO 0 0 0 maybe\n")
    with pytest.raises(FormatError, match=r"x\.xyz:1: expected T or F in the column move_mask, found maybe"):
        first_fixed(tmp_path / "x.xyz")
