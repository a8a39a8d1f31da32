"""Tripos mol2 files as OpenBabel, Corina and PDBbind write them; charges by hand and against RDKit."""

import gzip

import numpy as np
import pytest
from broken_files import error_of

from tutti import io
from tutti.core.units import factor
from tutti.io.samples import read_samples

CHLORAMINE = """\
# written by hand
@<TRIPOS>MOLECULE
chloramine
 4 3 1 0 0
SMALL
USER_CHARGES

@<TRIPOS>ATOM
      7 N1   0.0000  0.1000  0.0000 N.3   1 LIG -0.5000
      2 CL1  1.7500  0.0000  0.0000 Cl    1 LIG  0.1000
# a remark
      3 H1  -0.3000  0.9000  0.5000 H     1 LIG  0.2000 BACKBONE|DICT
      4 H2  -0.3000 -0.9000  0.5000 H
@<TRIPOS>BOND
     1   7   2  1
     2   3   7  1 BACKBONE
     3   7   4  am
@<TRIPOS>SUBSTRUCTURE
     1 LIG 1 GROUP 4 **** **** 0 ROOT
"""
# As PDBbind's ligands are: aromatic bonds in carboxylate and guanidinium, no UNITY_ATOM_ATTR.
ARGININE = """\
@<TRIPOS>MOLECULE
1abc_ligand
   11    10     1     0     0
SMALL
GAST_HUCK


@<TRIPOS>ATOM
      1 C          0.0 0.0 0.0 C.2
      2 O          1.2 0.0 0.0 O.co2
      3 OXT        0.0 1.2 0.0 O.co2
      4 CA        -1.2 -0.7 0.0 C.3
      5 NZ        -2.4 -0.7 0.0 N.4
      6 CZ         0.0 0.0 5.0 C.cat
      7 NE         1.3 0.0 5.0 N.pl3
      8 NH1       -0.7 1.2 5.0 N.pl3
      9 NH2       -0.7 -1.2 5.0 N.pl3
     10 H         -0.7 -2.2 5.0 H
     11 N          8.0 0.0 0.0 N.ar
@<TRIPOS>BOND
     1 1 2 ar
     2 1 3 ar
     3 1 4 1
     4 4 5 1
     5 6 7 ar
     6 6 8 ar
     7 9 6 ar
     8 9 10 1
     9 4 7 1
    10 1 11 un
"""
NO_LAST = ARGININE.replace("    10     1", "     9     1").replace("    10 1 11 un\n", "")


def bonds_of(found, i=0):
    atoms, orders, charges = found.bonds(i)
    return dict(zip(map(tuple, atoms.tolist()), orders.tolist(), strict=True)), charges.tolist()


def test_atoms_bonds_and_name(tmp_path):
    (tmp_path / "x.mol2").write_text(CHLORAMINE, newline="\r\n")
    (tmp_path / "x.mol2.gz").write_bytes(gzip.compress(CHLORAMINE.encode()))
    for name in ("x.mol2", "x.mol2.gz"):
        found, data = read_samples([tmp_path / name]), io.read(tmp_path / name)
        for structures in (found, data):
            assert structures.numbers.tolist() == [7, 17, 1, 1]
            assert structures.positions[:2].tolist() == [[0, 0.1, 0], [1.75, 0, 0]]
        assert bonds_of(found) == ({(0, 1): 1, (0, 2): 1, (0, 3): 1}, [0] * 4)
        assert found.columns["id"].tolist() == ["chloramine"] and found.columns["charge"].tolist() == [0]
        assert data.n_bonds is None and not data.columns
    bohr = io.read(tmp_path / "x.mol2", units={"length": "bohr"})
    np.testing.assert_allclose(bohr.positions, data.positions * factor("bohr", "Å"), rtol=1e-14)


def test_charges_that_types_tell(tmp_path):
    (tmp_path / "x.mol2").write_text(NO_LAST)
    found = read_samples([tmp_path / "x.mol2"])
    bonds, charges = bonds_of(found)
    # The first oxygen is double; of the nitrogens that with a hydrogen is.
    assert [bonds[0, 1], bonds[0, 2]] == [2, 1]
    assert [bonds[5, 6], bonds[5, 7], bonds[5, 8]] == [1, 1, 2]
    assert charges == [0, 0, -1, 0, 1, 0, 0, 0, 1, 0, 0]
    assert found.columns["charge"].tolist() == [1]


def test_charges_that_are_said_come_first(tmp_path):
    said = "@<TRIPOS>UNITY_ATOM_ATTR\n2 1\ncharge -1\n8 2\nAtomExpr any=1\nAtomExpr +1\n"
    (tmp_path / "x.mol2").write_text(NO_LAST.replace("@<TRIPOS>BOND", said + "@<TRIPOS>BOND"))
    bonds, charges = bonds_of(read_samples([tmp_path / "x.mol2"]))
    assert [bonds[0, 1], bonds[0, 2]] == [1, 2]
    assert [bonds[5, 6], bonds[5, 7], bonds[5, 8]] == [1, 2, 1]
    assert charges == [0, -1, 0, 0, 0, 0, 0, 1, 0, 0, 0]


def test_a_broken_molecule_costs_only_itself(tmp_path):
    odd = CHLORAMINE.replace("N.3", "c3")
    (tmp_path / "x.mol2").write_text(CHLORAMINE + ARGININE + odd + CHLORAMINE.replace("chlor", "*****"))
    found = read_samples([tmp_path / "x.mol2"])
    assert found.n_atoms.tolist() == [4, 0, 0, 4] and found.n_bonds.tolist() == [3, 0, 0, 3]
    lines = (tmp_path / "x.mol2").read_text().splitlines()
    reasons = found.columns["unreadable"].tolist()
    place = lines.index("    10 1 11 un") + 1
    assert reasons[1].startswith(f"x.mol2:{place}: expected id, two atoms not yet bonded and a type of 1, 2,")
    assert reasons[2].startswith(f"x.mol2:{lines.index(odd.splitlines()[8]) + 1}: expected id, name, three")
    assert found.columns["id"].tolist() == ["chloramine", "s000001", "s000002", "amine"]
    # Geometries need no bonds.
    (tmp_path / "x.mol2").write_text(ARGININE)
    assert io.read(tmp_path / "x.mol2").n_atoms.tolist() == [11]


def test_stars_are_no_name(tmp_path):
    (tmp_path / "x.mol2").write_text(CHLORAMINE.replace("chloramine", "*****"))
    assert read_samples([tmp_path / "x.mol2"]).columns["id"].tolist() == ["s000000"]


def test_a_file_cut_in_its_compression(tmp_path):
    rng = np.random.default_rng(0)
    many = "".join(CHLORAMINE.replace("1.7500", f"{x:.4f}") for x in rng.uniform(1, 2, 300))
    data = gzip.compress(many.encode())
    (tmp_path / "x.mol2.gz").write_bytes(data[: len(data) // 2])
    found = read_samples([tmp_path / "x.mol2.gz"])
    assert 50 < len(found) < 250
    assert found.n_atoms.tolist() == [4] * (len(found) - 1) + [0]
    assert "expected a complete gzip file" in found.columns["unreadable"][-1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.mol2:1: expected a structure, found the end of the file"),
        ("hello\n", "x.mol2:1: expected @<TRIPOS>MOLECULE, found 'hello'"),
        (
            "@<TRIPOS>MOLECULE\n",
            "x.mol2:3: expected the numbers of atoms and bonds, found the end of the file",
        ),
        ("@<TRIPOS>MOLECULE\nx\nSMALL\n", "x.mol2:3: expected the numbers of atoms and bonds, found 'SMALL'"),
        (CHLORAMINE.replace(" 4 3 1", " 5 3 1"), "x.mol2:4: expected 5 lines of @<TRIPOS>ATOM, as announced"),
        (CHLORAMINE.replace(" 4 3 1", " 4 2 1"), "x.mol2:4: expected 2 lines of @<TRIPOS>BOND, as announced"),
        (
            CHLORAMINE[: CHLORAMINE.index("      4 H2")],
            "x.mol2:4: expected 4 lines of @<TRIPOS>ATOM, as announced, found 3",
        ),
        (CHLORAMINE.replace("1.7500", "1.x"), "x.mol2:10: expected a number, found '1.x'"),
        (CHLORAMINE.replace("1.7500", "nan"), "x.mol2:10: expected finite positions"),
        (
            CHLORAMINE.replace(" N.3 ", " Du "),
            "x.mol2:9: expected id, name, three coordinates and a Tripos type",
        ),
        (
            CHLORAMINE.replace(" Cl ", " ca "),
            "x.mol2:10: expected id, name, three coordinates and a Tripos type",
        ),
    ],
)
def test_malformed_files(tmp_path, text, message):
    assert error_of(tmp_path / "x.mol2", text).startswith(message)


ATTRIBUTES = "@<TRIPOS>UNITY_ATOM_ATTR\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("   7   2  1", "   7   9  1"), "x.mol2:15: expected id, two atoms"),
        (("   7   2  1", "   7   7  1"), "x.mol2:15: expected id, two atoms"),
        (("   7   2  1", "   7   2"), "x.mol2:15: expected id, two atoms"),
        (("   7   2  1", "   7   2  nc"), "x.mol2:15: expected id, two atoms"),
        (("     3   7   4  am", "     3   2   7  2"), "x.mol2:17: expected id, two atoms not yet bonded"),
        (("      3 H1", "      7 H1"), "x.mol2:12: expected an id that no other atom has"),
        (("@<TRIPOS>SUB", ATTRIBUTES + "9 1\ncharge 1\n@<TRIPOS>SUB"), "x.mol2:19: expected an atom and"),
        (("@<TRIPOS>SUB", ATTRIBUTES + "2 2\ncharge 1\n@<TRIPOS>SUB"), "x.mol2:19: expected as many attrib"),
        (
            ("@<TRIPOS>SUB", ATTRIBUTES + "2 1\ncharge 1.5\n@<TRIPOS>SUB"),
            "x.mol2:20: expected a whole number",
        ),
        (
            ("@<TRIPOS>SUB", ATTRIBUTES + "2 1\ncharge nan\n@<TRIPOS>SUB"),
            "x.mol2:20: expected a whole number",
        ),
        (
            ("@<TRIPOS>SUB", ATTRIBUTES + "2 1\ncharge 300\n@<TRIPOS>SUB"),
            "x.mol2:20: expected a whole number",
        ),
    ],
)
def test_malformed_bonds_and_charges(tmp_path, change, message):
    assert change[0] in CHLORAMINE
    (tmp_path / "x.mol2").write_text(CHLORAMINE + CHLORAMINE.replace(*change))
    found = read_samples([tmp_path / "x.mol2"])
    n = len(CHLORAMINE.splitlines())
    place, rest = message.removeprefix("x.mol2:").split(":", 1)
    assert found.columns["unreadable"][1].startswith(f"x.mol2:{int(place) + n}:{rest}")
    assert found.n_atoms.tolist() == [4, 0]
