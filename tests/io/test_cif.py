"""Crystals: ASE reads them, what it would guess is refused."""

import gzip
import re
import warnings

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.spacegroup import crystal
from broken_files import error_of

from tutti import io
from tutti.io.samples import read_samples

UREA = """\
data_urea
_cell_length_a 5.589
_cell_length_b 5.589
_cell_length_c 4.6947
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_cell_setting tetragonal
_symmetry_space_group_name_H-M 'P -4 21 m'
loop_
_symmetry_equiv_pos_as_xyz
x,y,z
-x,-y,z
y,-x,-z
-y,x,-z
1/2-x,1/2+y,-z
1/2+x,1/2-y,-z
1/2-y,1/2-x,z
1/2+y,1/2+x,z
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
C1 C 0.00000 0.50000 0.3260(2) 1
O1 O 0.00000 0.50000 0.5953 1
N1 N 0.1459 0.6459 0.1766 1
HN1 H 0.2575 0.7575 0.2827 1
HN2 H 0.1441 0.6441 -0.0380 1
"""
"""Urea, two molecules in the cell: Swaminathan, Craven and McMullan, Acta Cryst. B40, 300 (1984)."""


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_all_atoms_of_the_cell(tmp_path):
    (tmp_path / "x.cif").write_text(UREA)
    found = io.read(tmp_path / "x.cif")
    assert np.bincount(found.numbers).tolist() == [0, 8, 0, 0, 0, 0, 2, 4, 2] and found.pbc.all()
    np.testing.assert_allclose(found.cell[0], np.diag([5.589, 5.589, 4.6947]), atol=1e-12)
    distances = next(found.to_ase()).get_all_distances(mic=True)
    carbon, oxygen = np.flatnonzero(found.numbers == 6), np.flatnonzero(found.numbers == 8)
    np.testing.assert_allclose(
        distances[np.ix_(carbon, oxygen)].min(1), (0.5953 - 0.3260) * 4.6947, atol=1e-6
    )
    samples = read_samples([tmp_path / "x.cif"])
    assert samples.n_atoms.tolist() == [16] and samples.cell is None


def test_what_ase_writes(tmp_path):
    frames = [
        bulk("NaCl", "rocksalt", 5.6),
        crystal("Si", [(0, 0, 0)], spacegroup=227, cellpar=[5.43] * 3 + [90] * 3),
    ]
    ase.io.write(tmp_path / "x.cif", frames)
    (tmp_path / "y.cif.gz").write_bytes(gzip.compress((tmp_path / "x.cif").read_bytes()))
    for path in (tmp_path / "x.cif", tmp_path / "y.cif.gz"):
        found = io.read(path)
        assert found.n_atoms.tolist() == [2, 8] and found.numbers[:2].tolist() == [11, 17]
        for i, atoms in enumerate(found.to_ase()):
            assert atoms.cell.volume == pytest.approx(frames[i].cell.volume, rel=1e-5)
            assert atoms.get_all_distances(mic=True)[0, 1] == pytest.approx(
                frames[i].get_all_distances(mic=True)[0, 1], rel=1e-5
            )


def test_labels_where_there_are_no_types(tmp_path):
    text = UREA.replace("_atom_site_type_symbol\n", "")
    for z in "CONH":
        text = text.replace(f" {z} 0", " 0")
    text = text.replace("HN", "H")
    (tmp_path / "x.cif").write_text(text)
    assert np.bincount(io.read(tmp_path / "x.cif").numbers).tolist() == [0, 8, 0, 0, 0, 0, 2, 4, 2]
    error = error_of(tmp_path / "x.cif", text.replace("O1 ", "OW1 "))
    assert error.startswith("x.cif: data_urea: expected elements as") and error.endswith("found 'OW1'")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "0.5953 1",
            "0.5953 0.5",
            "data_urea: expected sites that are fully occupied, found an occupancy of 0.5",
        ),
        ("O1 O ", "O1 ? ", "data_urea: expected elements as _atom_site_type_symbol, .*found '\\?'"),
        ("O1 O ", "O1 OH ", "data_urea: expected elements .*found 'OH'"),
        ("_cell_angle_gamma 90\n", "", "data_urea: expected three lengths and three angles of the cell"),
        ("0.5953 1", "0.5953", "expected a readable CIF file"),
        (
            "O1 O 0.00000 0.50000 0.5953",
            "O1 O 0.00000 0.50000 0.3260",
            "data_urea: expected a crystal that ASE can read",
        ),
    ],
)
def test_what_leaves_a_doubt_is_refused(tmp_path, old, new, message):
    assert old in UREA
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        error = error_of(tmp_path / "x.cif", UREA.replace(old, new))
    assert re.match(f"x.cif: {message}", error), error


def test_other_text(tmp_path):
    assert "expected" in error_of(tmp_path / "x.cif", "hello\n")
    assert error_of(tmp_path / "x.cif", "data_x\n_cell_length_a 1\n").endswith("found the end of the file")


@pytest.mark.parametrize("value", ["", "5", "?", "5.5"])
@pytest.mark.parametrize("name", ["type_symbol", "label", "occupancy"])
def test_one_value_in_no_loop(tmp_path, name, value):
    sites = "".join(f"_atom_site_{each} 0\n" for each in ("fract_x", "fract_y", "fract_z"))
    label = "" if name == "label" else "_atom_site_label C\n"
    (tmp_path / "x.cif").write_text(f"data_x\n{label}{sites}_atom_site_{name} {value}\n")
    with pytest.raises(io.FormatError, match=r"x\.cif"):
        io.read(tmp_path / "x.cif")
