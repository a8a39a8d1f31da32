import gzip

import numpy as np
import pytest
from broken_files import error_of
from rdkit import Chem
from rdkit.Chem import AllChem

from tutti import io
from tutti.core.units import factor
from tutti.io import FormatError
from tutti.io.samples import read_samples

HEADER = (
    "mol_id,A,B,C,mu,alpha,homo,lumo,gap,r2,zpve,u0,u298,h298,g298,cv,u0_atom,u298_atom,h298_atom,g298_atom"
)


def embedded(smiles: str, name: str) -> Chem.Mol:
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(molecule, randomSeed=1)
    molecule.SetProp("_Name", name)
    return molecule


MOLECULES = [embedded("CO", "gdb_1"), embedded("[NH4+]", "gdb_2"), embedded("c1ccccc1F", "gdb_5")]
BLOCKS = [Chem.MolToMolBlock(molecule) + "$$$$\n" for molecule in MOLECULES]


def row(i: int) -> str:
    return ",".join([f"gdb_{i}", *(str(i + column / 100) for column in range(19))])


@pytest.mark.parametrize("to_block", [Chem.MolToMolBlock, Chem.MolToV3KMolBlock])
def test_geometries(tmp_path, to_block):
    data = "> <energy>\n-1.0\n\n$$$$\n"
    text = "".join(to_block(molecule) + data for molecule in MOLECULES)
    (tmp_path / "x.sdf").write_text(text, newline="\r\n")
    (tmp_path / "x.sdf.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("x.sdf", "x.sdf.gz"):
        structures = io.read(tmp_path / name)
        assert structures.n_atoms.tolist() == [6, 5, 12] and not structures.columns
        for i, molecule in enumerate(MOLECULES):
            numbers, positions = structures.frame(i)
            assert numbers.tolist() == [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
            np.testing.assert_allclose(positions, molecule.GetConformer().GetPositions(), atol=5.1e-5)


def test_a_single_mol_file(tmp_path):
    (tmp_path / "x.mol").write_text(Chem.MolToMolBlock(MOLECULES[0]))
    found = read_samples([tmp_path / "x.mol"])
    assert found.n_atoms.tolist() == io.read(tmp_path / "x.mol").n_atoms.tolist() == [6]
    (tmp_path / "y.mol").write_text(Chem.MolToMolBlock(embedded("CO", "methanol")))
    assert read_samples([tmp_path / "y.mol"]).n_bonds.tolist() == [5]


def test_wrong_valences_do_not_matter(tmp_path):
    text = BLOCKS[0].replace("  1  2  1  0", "  1  2  3  0")
    assert text != BLOCKS[0]
    (tmp_path / "x.sdf").write_text(text)
    assert io.read(tmp_path / "x.sdf").n_atoms.tolist() == [6]


@pytest.mark.parametrize("to_block", [Chem.MolToMolBlock, Chem.MolToV3KMolBlock])
def test_bonds_charges_and_titles_of_samples(tmp_path, to_block):
    named = {
        "CO": "a",
        "[NH4+]": "b",
        "c1ccccc1F": "c",
        "[NH3+]CC(=O)[O-]": "glycine",
        "C#N": "x",
        "[Na+]": "y",
    }
    molecules = [embedded(smiles, name) for smiles, name in named.items()]
    (tmp_path / "x.sdf").write_text("".join(to_block(molecule) + "$$$$\n" for molecule in molecules))
    found = read_samples([tmp_path / "x.sdf"])
    assert found.columns["id"].tolist() == list(named.values())
    assert found.columns["charge"].tolist() == [0, 1, 0, 0, 0, 1]
    assert found.n_bonds.tolist() == [molecule.GetNumBonds() for molecule in molecules]
    charges = [atom.GetFormalCharge() for molecule in molecules for atom in molecule.GetAtoms()]
    assert found.formal_charges.tolist() == charges and found.formal_charges.dtype == np.int8
    for i, molecule in enumerate(molecules[:-1]):
        Chem.Kekulize(molecule, clearAromaticFlags=True)
        atoms, orders, _ = found.bonds(i)
        bonds = {
            (b.GetBeginAtomIdx(), b.GetEndAtomIdx()): b.GetBondTypeAsDouble() for b in molecule.GetBonds()
        }
        expected = {tuple(sorted(ends)): order for ends, order in bonds.items()}
        assert dict(zip(map(tuple, atoms.tolist()), orders.tolist(), strict=True)) == expected
    data = io.read(tmp_path / "x.sdf")
    assert data.n_bonds is None and not data.columns


@pytest.mark.parametrize("kind", [0, 5, 6, 8, 9, 10])
def test_a_bond_that_is_none_breaks_its_record_only(tmp_path, kind):
    v2000 = BLOCKS[1].replace("  1  3  1  0", f"  1  3{kind:3d}  0")
    v3000 = Chem.MolToV3KMolBlock(MOLECULES[1]).replace("V30 2 1 1 3", f"V30 2 {kind} 1 3") + "$$$$\n"
    (tmp_path / "x.sdf").write_text((BLOCKS[0] + v2000 + v3000 + BLOCKS[2]).replace("gdb", "mine"))
    found = read_samples([tmp_path / "x.sdf"])
    lines = (tmp_path / "x.sdf").read_text().splitlines()
    broken = [f"  1  3{kind:3d}  0", f"M  V30 2 {kind} 1 3"]
    reasons = [
        f"x.sdf:{lines.index(line) + 1}: expected a single, double, triple or aromatic bond (type 1 to 4),"
        f" found '{line.strip()}'"
        for line in broken
    ]
    assert found.columns["unreadable"].tolist() == ["", *reasons, ""]
    assert found.n_bonds.tolist() == [5, 0, 0, 12]
    assert io.read(tmp_path / "x.sdf").n_atoms.tolist() == [6, 5, 5, 12]


def test_a_record_that_says_nothing_of_bonds(tmp_path):
    """Coordinates alone say no charge either."""
    block = BLOCKS[1].replace("gdb", "mine")
    bare = "\n".join([*block.splitlines()[:9], "M  END\n$$$$\n"]).replace("  5  4", "  5  0")
    (tmp_path / "x.sdf").write_text(bare)
    found = read_samples([tmp_path / "x.sdf"])
    assert found.n_atoms.tolist() == [5] and found.n_bonds is None and "charge" not in found.columns
    (tmp_path / "x.sdf").write_text(bare + block)
    found = read_samples([tmp_path / "x.sdf"], charge=-1)
    assert found.n_bonds.tolist() == [0, 4] and found.columns["charge"].tolist() == [-1, 1]


def test_bonds_and_charges_of_qm9_are_not_kept(tmp_path):
    (tmp_path / "x.sdf").write_text("".join(BLOCKS) + BLOCKS[1].replace("gdb_2", "my gdb_2"))
    found = read_samples([tmp_path / "x.sdf"])
    assert found.n_bonds.tolist() == [0, 0, 0, 4] and found.columns["charge"].tolist() == [0, 0, 0, 1]
    assert found.formal_charges.tolist() == [0] * 23 + [1, 0, 0, 0, 0]


def test_a_record_without_atoms_and_another_unit_of_length(tmp_path):
    (tmp_path / "x.sdf").write_text(
        "none\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n$$$$\n" + BLOCKS[1]
    )
    plain, bohr = (io.read(tmp_path / "x.sdf", units=units) for units in ({}, {"length": "bohr"}))
    assert plain.n_atoms.tolist() == [0, 5]
    np.testing.assert_allclose(bohr.positions, plain.positions * factor("bohr", "Å"), rtol=1e-14)


def atom_line(i: int) -> str:
    return BLOCKS[1].splitlines()[4 + i]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.sdf:1: expected a structure, found the end of the file"),
        (BLOCKS[0] + BLOCKS[1][:300], "x.sdf:26: expected 'M  END' of the record from line 18"),
        (
            BLOCKS[0] + BLOCKS[1].replace(atom_line(2)[:10], "       nan"),
            "x.sdf:24: expected three coordinates",
        ),
        (
            BLOCKS[0] + BLOCKS[1].replace(atom_line(1)[:10], "  -0.x1500"),
            "x.sdf:23: expected three coordinates",
        ),
        (BLOCKS[1].replace(" N  ", " Xx ", 1), "x.sdf:5: expected three coordinates and an element"),
        (BLOCKS[1].replace(" N  ", " *  ", 1), "x.sdf:5: expected a chemical element"),
        (BLOCKS[1].replace("  5  4", "999  4", 1), "x.sdf:10: expected three coordinates and an element"),
        (BLOCKS[1].replace("V2000", "V4000", 1), "x.sdf:1: expected a V2000 or V3000 record"),
        (
            Chem.MolToV3KMolBlock(MOLECULES[1]).replace("COUNTS 5", "COUNTS 1000000000"),
            "x.sdf:6: expected at most the 21 lines of the record as atoms and bonds",
        ),
        (BLOCKS[0] + BLOCKS[1].replace("3D", "2D", 1), "x.sdf:19: expected three-dimensional coordinates"),
        ("M  END\n", "x.sdf:1: expected three header lines and one with counts"),
    ],
)
def test_malformed_files(tmp_path, text, message):
    assert error_of(tmp_path / "x.sdf", text).startswith(message)


def write_gdb9(folder, rows=None, header=HEADER):
    (folder / "gdb9.sdf").write_text("".join(BLOCKS))
    rows = [row(1), row(2), row(5)] if rows is None else rows
    (folder / "gdb9.sdf.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder / "gdb9.sdf"


def test_gdb9_with_its_table(tmp_path):
    structures = io.read(write_gdb9(tmp_path))
    assert structures.columns["gdb"].tolist() == [1, 2, 5] and structures.n_atoms.tolist() == [6, 5, 12]
    values = {name: column[2] for name, column in structures.columns.items()}
    hartree, kcal = 27.211386245988, 0.0433641043
    expected = {"A": 5.0, "C": 5.02, "mu": 5.03, "alpha": 5.04, "r2": 5.08, "Cv": 5.14}
    expected |= {"homo": 5.05 * hartree, "gap": 5.07 * hartree, "zpve": 5.09 * hartree}
    expected |= {"U0": 5.1 * hartree, "U": 5.11 * hartree, "H": 5.12 * hartree, "G": 5.13 * hartree}
    expected |= {"U0_atom": 5.15 * kcal, "G_atom": 5.18 * kcal}
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, rel=1e-8), name
    assert structures.units["U0_atom"] == "eV" and structures.units["alpha"] == "bohr³"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"header": HEADER.replace("u298_atom", "other")}, r"gdb9.sdf.csv:1: expected the columns u298_atom"),
        (
            {"rows": [row(1), row(2).replace("2.05", "x"), row(5)]},
            r"gdb9.sdf.csv:3: expected a number, found 'x'",
        ),
        ({"rows": [row(1), row(2)[:20], row(5)]}, r"gdb9.sdf.csv:3: expected a number, found ''"),
        (
            {"rows": [row(1), row(3), row(5)]},
            r"gdb9.sdf:18: expected record 'gdb_3' as in gdb9.sdf.csv, found 'gdb_2'",
        ),
        ({"rows": [row(1), "2" + row(2), row(5)]}, r"gdb9.sdf.csv:3: expected gdb_<index>"),
        (
            {"rows": [row(1), row(2)]},
            r"gdb9.sdf: expected as many records as rows in gdb9.sdf.csv, found more records",
        ),
        ({"rows": [row(1), row(2), row(5), row(6)]}, r"expected as many records .* found more rows"),
    ],
)
def test_gdb9_with_a_wrong_table(tmp_path, change, message):
    with pytest.raises(FormatError, match=message):
        io.read(write_gdb9(tmp_path, **change))


def test_units_of_gdb9_are_not_to_be_given(tmp_path):
    with pytest.raises(FormatError, match="no units to be given"):
        io.read(write_gdb9(tmp_path), units={"energy": "eV"})
