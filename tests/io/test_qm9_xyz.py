import numpy as np
import pytest

from tutti import io
from tutti.core.properties import units
from tutti.io import FormatError, qm9_xyz

HARTREE = 27.211386245988  # eV, CODATA 2018

# Water as QM9 has it, with two numbers written in the `*^` style that occurs elsewhere in the set.
CONSTANTS = "799.58812\t437.90386\t282.94545\t1.8511\t6.31\t-0.2928\t0.0687\t0.3615\t19.0002\t0.021375"
THERMOCHEMISTRY = "-76.404702\t-76.401867\t-76.400922\t-76.422349\t6.002"
WATER = f"""3
gdb 3\t{CONSTANTS}\t{THERMOCHEMISTRY}\t
O\t-0.0343604951\t 0.9775395708\t 0.0076015923\t-0.589706
H\t 0.0647664923\t 0.0205721989\t 0.0015346341\t 0.294853
H\t 0.8717903737\t 1.3007924048\t 6.931336*^-4\t 0.294853
1671.4222\t3803.6305\t3907.698
O\tO
InChI=1S/H2O/h1H2\tInChI=1S/H2O/h1H2
"""


def parse(text):
    return qm9_xyz.frame(text.splitlines(), "water.xyz", 1)


def test_a_molecule():
    molecule = parse(WATER)
    assert list(molecule.numbers) == [8, 1, 1]
    assert molecule.positions.shape == (3, 3)
    assert molecule.positions[2].tolist() == [0.8717903737, 1.3007924048, 6.931336e-4]
    expected = {"gdb": 3, "A": 799.58812, "B": 437.90386, "C": 282.94545, "mu": 1.8511, "alpha": 6.31}
    expected |= {"r2": 19.0002, "Cv": 6.002, "smiles": "O", "smiles_relaxed": "O"}
    energies = {"homo": -0.2928, "lumo": 0.0687, "gap": 0.3615, "zpve": 0.021375, "U0": -76.404702}
    energies |= {"U": -76.401867, "H": -76.400922, "G": -76.422349}
    assert molecule.info == expected | {
        name: pytest.approx(value * HARTREE, rel=1e-8) for name, value in energies.items()
    }
    assert units(qm9_xyz.PROPERTIES) == qm9_xyz.UNITS


def test_other_line_ends(tmp_path):
    reference = parse(WATER)
    for contents in (WATER, WATER.replace("\n", "\r\n"), WATER.rstrip()):
        (tmp_path / "x.xyz").write_bytes(contents.encode())
        found = io.read(tmp_path / "x.xyz")
        assert np.array_equal(found.positions, reference.positions)
        assert found.numbers.tolist() == list(reference.numbers)
        assert {name: column[0] for name, column in found.columns.items() if name in reference.info} == {
            **reference.info
        }


def test_files_of_one_and_of_many_molecules(tmp_path):
    second = WATER.replace("gdb 3", "gdb 4")
    (tmp_path / "dsgdb9nsd_000003.xyz").write_text(WATER)
    (tmp_path / "dsgdb9nsd_000004.xyz").write_text(second)
    (tmp_path / "readme.txt").write_text("no molecule")
    with pytest.warns(UserWarning, match=r"1 file of another kind is not read: readme.txt$"):
        folder = io.read(tmp_path)
    assert folder.columns["gdb"].tolist() == [3, 4] and folder.units["homo"] == "eV"
    assert folder.columns["smiles"].tolist() == ["O", "O"] and folder.energy is None
    (tmp_path / "all.xyz").write_text(WATER + second)
    both = io.read(tmp_path / "all.xyz")
    assert both.digest == folder.digest


def test_smiles_that_look_like_truth_values_stay_text(tmp_path):
    (tmp_path / "x.xyz").write_text(WATER.replace("O\tO\n", "F\tF\n"))
    assert io.read(tmp_path / "x.xyz").columns["smiles"].tolist() == ["F"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3\ngdb", "x\ngdb", ":1: expected the number of atoms, found 'x'"),
        ("3\ngdb", "1000000000\ngdb", ":9: expected 1000000005 lines"),
        ("3\ngdb", "4\ngdb", ":9: expected 9 lines"),
        ("3\ngdb", "2\ngdb", ":6: expected two SMILES"),
        ("gdb 3\t799.58812\t", "gdb 3\t", ":2: expected gdb, an index and 15 properties"),
        ("gdb 3", "gdb x", ":2: expected gdb, an index and 15 properties"),
        ("6.31", "6,31", ":2: expected a number, found '6,31'"),
        ("\t-0.589706", "", ":3: expected symbol, three coordinates and a charge"),
        ("-0.589706", "?", ":3: expected a number, found '?'"),
        ("0.0205721989", "zero", ":4: expected a number, found 'zero'"),
        ("H\t 0.87", "Hx\t 0.87", ":5: expected a chemical element, found 'Hx'"),
        ("O\tO\n", "O\n", ":7: expected two SMILES"),
    ],
)
def test_malformed_molecules(old, new, message):
    assert WATER.count(old) == 1
    with pytest.raises(FormatError) as caught:
        parse(WATER.replace(old, new))
    assert str(caught.value).startswith(f"water.xyz{message}")


def test_truncated_at_every_line():
    lines = WATER.splitlines(keepends=True)
    for count in range(len(lines)):
        with pytest.raises(FormatError):
            parse("".join(lines[:count]))


def test_errors_in_a_later_molecule_name_its_line(tmp_path):
    (tmp_path / "x.xyz").write_text(WATER + WATER.replace("0.0205721989", "nan"))
    with pytest.raises(FormatError, match=r"x.xyz:12: expected finite positions"):
        io.read(tmp_path / "x.xyz")


def test_units_are_not_to_be_given(tmp_path):
    (tmp_path / "x.xyz").write_text(WATER)
    with pytest.raises(FormatError, match="expected no units to be given"):
        io.read(tmp_path / "x.xyz", units={"energy": "eV"})
