"""PDB files as RDKit, Open Babel, ASE and others write them."""

import gzip
import io as text_io

import ase
import numpy as np
import pytest
from ase.io.proteindatabank import write_proteindatabank
from broken_files import error_of
from rdkit import Chem
from rdkit.Chem import AllChem

from tutti import io
from tutti.io import FormatError
from tutti.io.samples import read_samples

CARBON = "HETATM    1  C1  UNL     1       0.000   1.500  -2.250  1.00  0.00           C  "
CALCIUM = "HETATM    2 CA    CA A   2       5.000   0.000   0.000                      CA  "
ALPHA = "ATOM      3  CA  ALA A   3       1.000   0.000   0.000  1.00  0.00           C1+"


def model(*lines: str, number: int = 1) -> str:
    return "\n".join([f"MODEL     {number:4d}", *lines, "ENDMDL", ""])


@pytest.fixture(scope="module")
def ethanol() -> Chem.Mol:
    """With three conformers."""
    molecule = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    AllChem.EmbedMultipleConfs(molecule, 3, randomSeed=1)
    return molecule


def test_models_that_rdkit_writes(tmp_path, ethanol):
    (tmp_path / "x.pdb").write_text(Chem.MolToPDBBlock(ethanol))
    for found in (io.read(tmp_path / "x.pdb"), read_samples([tmp_path / "x.pdb"])):
        assert found.n_atoms.tolist() == [9] * 3 and found.cell is None
        for i in range(3):
            numbers, positions = found.frame(i)
            assert numbers.tolist() == [atom.GetAtomicNum() for atom in ethanol.GetAtoms()]
            np.testing.assert_allclose(positions, ethanol.GetConformer(i).GetPositions(), atol=5e-4)


def test_models_that_open_babel_writes(tmp_path, ethanol):
    pybel = pytest.importorskip("openbabel.pybel")
    block = Chem.MolToMolBlock(ethanol, confId=0)
    (tmp_path / "x.pdb").write_text(pybel.readstring("mol", block).write("pdb") * 2)
    found = io.read(tmp_path / "x.pdb")
    assert found.n_atoms.tolist() == [9, 9] and found.numbers[:3].tolist() == [6, 6, 8]
    np.testing.assert_allclose(found.frame(1)[1], ethanol.GetConformer(0).GetPositions(), atol=6e-4)


def test_a_cell_that_ase_writes(tmp_path):
    atoms = ase.Atoms("OHH", np.eye(3), cell=[5, 6, 7, 80, 90, 100], pbc=True)
    text = text_io.StringIO()
    write_proteindatabank(text, [atoms])
    with gzip.open(tmp_path / "x.pdb.gz", "wt") as file:
        file.write(text.getvalue())
    found = io.read(tmp_path / "x.pdb.gz")
    np.testing.assert_allclose(found.cell[0], atoms.cell.array, atol=1e-3)
    assert found.pbc.all()
    np.testing.assert_allclose(found.positions, atoms.positions, atol=1e-3)
    assert read_samples([tmp_path / "x.pdb.gz"]).cell is None


def test_elements_are_those_of_their_columns(tmp_path):
    text = f"CRYST1    1.000    1.000    1.000  90.00  90.00  90.00 P 1\n{CARBON}\n{CALCIUM}\n{ALPHA}\nEND\n"
    (tmp_path / "x.pdb").write_text(text)
    found = io.read(tmp_path / "x.pdb", units={"length": "nm"})
    assert found.numbers.tolist() == [6, 20, 6] and found.cell is None
    assert found.positions[:2].tolist() == [[0, 15, -22.5], [50, 0, 0]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (CARBON[:66], "x.pdb:2: expected an element in columns 77 and 78, found ''"),
        (CARBON[:76] + " Q", "x.pdb:2: expected an element in columns 77 and 78, found 'Q'"),
        (CARBON[:76] + " 6", "x.pdb:2: expected an element in columns 77 and 78, found '6'"),
        (
            CARBON[:16] + "A" + CARBON[17:],
            "x.pdb:2: expected no alternate location (column 17); choose one, found 'A'",
        ),
        (
            CARBON.replace("1.00 ", "0.50 "),
            "x.pdb:2: expected an occupancy of 1 (columns 55 to 60), found '0.50'",
        ),
        (CARBON.replace("1.500", "1.5OO"), "x.pdb:2: expected a number, found '1.5OO'"),
        (CARBON[:46], "x.pdb:2: expected coordinates in columns 31 to 54"),
        ("ATOM 1 C 0.0 1.5 -2.25 C", "x.pdb:2: expected coordinates in columns 31 to 54"),
        (CARBON[:38], "x.pdb:2: expected coordinates in columns 31 to 54"),
        (CARBON.replace("1.500", "  nan"), "x.pdb:2: expected finite positions"),
    ],
)
def test_what_leaves_a_doubt_is_refused(tmp_path, line, message):
    assert error_of(tmp_path / "x.pdb", model(line)).startswith(message)


def test_a_broken_model_costs_itself(tmp_path):
    text = model(CARBON, number=1) + model(CARBON[:66], number=2) + model(number=3) + model(CALCIUM, number=4)
    (tmp_path / "x.pdb").write_text(f"REMARK made by hand\n{text}END\n")
    found = read_samples([tmp_path / "x.pdb"])
    assert found.n_atoms.tolist() == [1, 0, 0, 1]
    assert found.columns["unreadable"].tolist()[1].startswith("x.pdb:6: expected an element")
    assert found.columns["unreadable"].tolist()[2] == ""


@pytest.mark.parametrize("text", ["", "HEADER\nEND\n"])
def test_a_file_without_atoms(tmp_path, text):
    assert error_of(tmp_path / "x.pdb", text) == "x.pdb:1: expected a structure, found the end of the file"


def test_a_cell_that_is_none(tmp_path):
    text = f"CRYST1    5.000    5.000    5.000  10.00  90.00 170.00 P 1\n{CARBON}\n"
    assert error_of(tmp_path / "x.pdb", text).startswith("x.pdb:1: expected the lengths and angles of a cell")
    assert error_of(tmp_path / "x.pdb", f"CRYST1 none\n{CARBON}\n").startswith("x.pdb:1: expected a number")


def test_a_file_cut_in_its_compression(tmp_path):
    rng = np.random.default_rng(0)
    lines = [f"{CARBON[:30]}{x:8.3f}{y:8.3f}{z:8.3f}{CARBON[54:]}" for x, y, z in rng.normal(size=(3000, 3))]
    whole = gzip.compress("".join(model(line) for line in lines).encode())
    (tmp_path / "x.pdb.gz").write_bytes(whole[: len(whole) // 2])
    found = read_samples([tmp_path / "x.pdb.gz"])
    assert 500 < len(found) < 2900 and (found.n_atoms[:-1] == 1).all() and found.n_atoms[-1] == 0
    assert "complete gzip file" in found.columns["unreadable"][-1]
    with pytest.raises(FormatError, match="complete gzip file"):
        io.read(tmp_path / "x.pdb.gz")
