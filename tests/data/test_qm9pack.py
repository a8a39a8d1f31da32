"""The reader of the wheel's CSV files, on rows of them."""

import ast

import numpy as np
import pytest
import qm9_mirrors
from qm9_mirrors import CSV_FILES, MOLECULES
from rdkit import Chem
from rdkit.Chem import rdDetermineBonds

from tutti.core.units import factor
from tutti.data import qm9pack
from tutti.data.archives import ArchiveError
from tutti.io import FormatError


@pytest.fixture
def wheel(tmp_path):
    return tmp_path / "qm9pack.whl"


def read(wheel, **files):
    wheel.write_bytes(qm9_mirrors.wheel(CSV_FILES | {f"{name}.csv": text for name, text in files.items()}))
    return qm9pack.read(wheel)


def test_every_cell_against_pythons_own_parser(wheel):
    structures = read(wheel)
    assert structures.columns["gdb"].tolist() == list(MOLECULES)
    assert structures.columns["smiles"].tolist() == [row["SMILES"] for row in MOLECULES.values()]
    hartree = factor("Hartree", "eV")
    energies = {"homo", "lumo", "gap", "zpve", "U0", "U", "H", "G"}
    for i, row in enumerate(MOLECULES.values()):
        numbers, positions = structures.frame(i)
        assert [Chem.Atom(int(number)).GetSymbol() for number in numbers] == ast.literal_eval(row["Elements"])
        assert positions.tolist() == ast.literal_eval(row["XYZ_Ang"])
        for name, column in qm9pack.PROPERTIES.items():
            scale = hartree if name in energies else 1.0
            assert structures.columns[name][i] == float(row[column]) * scale, name
    assert structures.units["homo"] == "eV" and structures.units["Cv"] == "cal/mol/K"
    assert any("E-" in row["XYZ_Ang"] for row in MOLECULES.values())


def test_the_columns_of_the_file_are_in_the_order_of_the_paper():
    assert list(qm9pack.PROPERTIES.values()) == qm9_mirrors.VALUES


def test_smiles_are_those_of_gdb17_and_not_of_the_relaxed_geometry(wheel):
    """Stereocentres, which the geometries have, are in none of them."""
    structures, chiral = read(wheel), 0
    for i, smiles in enumerate(structures.columns["smiles"].tolist()):
        numbers, positions = structures.frame(i)
        symbols = [Chem.Atom(int(number)).GetSymbol() for number in numbers]
        lines = [f"{symbol} {x:f} {y:f} {z:f}" for symbol, (x, y, z) in zip(symbols, positions, strict=True)]
        mol = Chem.MolFromXYZBlock("\n".join([str(len(lines)), "", *lines, ""]))
        rdDetermineBonds.DetermineBonds(mol, useVdw=True)  # the default bonds bridgeheads
        Chem.AssignStereochemistryFrom3D(mol)
        mol = Chem.RemoveHs(mol)
        chiral += "@" in Chem.MolToSmiles(mol)
        flat = Chem.CanonSmiles(Chem.MolToSmiles(mol, isomericSmiles=False))
        assert flat == Chem.CanonSmiles(smiles)
        assert "@" not in smiles
    assert chiral == 2


def test_real_geometries(wheel, shared_data):
    """The first molecules of QM9 as others have stored them, with eight decimals."""
    lines = (shared_data / "qm9_first339.xyz").read_text().splitlines()
    structures = read(wheel)
    for i in range(5):
        numbers, positions = structures.frame(i)
        count, _, *rows = lines[: len(numbers) + 2]
        lines = lines[len(numbers) + 2 :]
        assert int(count) == len(numbers)
        found = np.array([row.split()[1:] for row in rows], float)
        np.testing.assert_allclose(positions, found, rtol=0, atol=5.1e-9)


METHANE = CSV_FILES["qm9_part1.csv"].splitlines()[1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (',1,"C"', ',one,"C"', ":2: expected an index, found 'one'"),
        (
            "000001.xyz",
            "000010.xyz",
            ":2: expected dsgdb9nsd_000001.xyz with a SMILES, found 'dsgdb9nsd_000010",
        ),
        (',1,"C"', ',1,""', ":2: expected dsgdb9nsd_000001.xyz with a SMILES"),
        ('/h1H4",5,', '/h1H4",4,', ":2: expected 4 elements"),
        ('/h1H4",5,', '/h1H4",0,', ":2: expected a number of atoms, found '0'"),
        ("['C','H'", "['C','h'", ":2: expected 5 elements like ['C','H'], found \"['C','h','H','H','H']\""),
        ("['C','H'", "['C',H", ":2: expected 5 elements"),
        ("[[-0.0126981359,1.0858041578,", "[[-0.0126981359,", ":2: expected 5 rows of coordinates"),
        ("[[-0.0126981359,1.0858041578,", "[[-0.0126981359,nan,", ":2: expected 5 rows of coordinates"),
        (
            "[[-0.0126981359,1.0858041578,",
            "[[-0.0126981359,1.08.58,",
            ":2: expected a number, found '1.08.58'",
        ),
        ("[[-0.0126981359,1.0858041578,", "[[-0.0126981359,1.E999,", ":2: expected finite numbers, found "),
        (",157.7118,", ",nan,", ":2: expected finite numbers, found 'nan'"),
        (",157.7118,", ",high,", ":2: expected a number, found 'high'"),
        (",6.469", "", ":2: expected 25 cells, found 24"),
        ('"InChI=1S/CH4/h1H4"', '"InChI=1S"x', ":2: expected a row of CSV"),
    ],
)
def test_malformed_rows_name_file_and_line(wheel, old, new, message):
    assert METHANE.count(old) == 1
    text = CSV_FILES["qm9_part1.csv"].replace(METHANE, METHANE.replace(old, new))
    with pytest.raises(FormatError) as caught:
        read(wheel, qm9_part1=text)
    assert f"{wheel}:qm9pack/data/qm9_part1.csv{message}" in str(caught.value)


def test_the_line_of_the_error_is_that_of_the_row(wheel):
    text = CSV_FILES["qm9_part3.csv"].replace("133885,", "133885.0,")
    with pytest.raises(FormatError, match=r"qm9_part3\.csv:3: expected an index, found '133885\.0'"):
        read(wheel, qm9_part3=text)
    text = CSV_FILES["qm9_part3.csv"].replace("0.0136988019", "1.E999")
    with pytest.raises(FormatError, match=r"qm9_part3\.csv:3: expected finite numbers"):
        read(wheel, qm9_part3=text)


def test_malformed_files(wheel):
    header = CSV_FILES["qm9_part2.csv"].splitlines()[0]
    with pytest.raises(FormatError, match=r"qm9_part2\.csv:1: expected the columns SMILES, GibbsFree"):
        read(wheel, qm9_part2=header.replace("SMILES", "smiles").replace("GibbsFree", "Gibbs"))
    with pytest.raises(FormatError, match=r"qm9_part2\.csv:2: expected a molecule, found none"):
        read(wheel, qm9_part2=header + "\n")
    wheel.write_bytes(qm9_mirrors.wheel({"qm9_part1.csv": CSV_FILES["qm9_part1.csv"]}))
    with pytest.raises(
        ValueError, match=r"holds no file qm9pack/data/qm9_part2\.csv, qm9pack/data/qm9_part3"
    ):
        qm9pack.read(wheel)
    wheel.write_bytes(qm9_mirrors.wheel()[:-100])
    with pytest.raises(ArchiveError, match="truncated or damaged"):
        qm9pack.read(wheel)
