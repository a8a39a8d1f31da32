"""Comments and columns that programs write, read as ASE reads them."""

import ase.io
import numpy as np
import pytest

from tutti import io

ROWS = {"O": (0.0, 0.0, 0.12), "H": (0.0, 0.76, -0.47)}
LATTICE = 'Lattice="5 0 0 1 6 0 0 0.5 7"'
CORPUS = {
    "energy and forces": f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3 energy=-3.5",
    "forces without a period": f'{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3 energy=-3.5 pbc="F F F"',
    "pbc as numbers": f'{LATTICE} pbc="1 1 0" Properties=species:S:1:pos:R:3 energy=-3.5',
    "pbc in brackets": f"{LATTICE} pbc=[T, F, T] Properties=species:S:1:pos:R:3 energy=-3.5",
    "Z": "Properties=Z:I:1:pos:R:3:forces:R:3 energy=-3.5",
    "numbers": "Properties=numbers:I:1:pos:R:3 energy=-3.5",
    "columns between": "Properties=tag:I:1:species:S:1:magmoms:R:1:pos:R:3:momenta:R:3 energy=-3.5",
    "columns that nothing declares": "energy=-3.5 name=ethanol",
    "text and vectors": "Properties=species:S:1:pos:R:3 energy=-3.5 name='a b' dipole=\"1 2 3\" flag=T",
    "colons in values": "Properties=species:S:1:pos:R:3 energy=-3.5 time=12:30:00 path=/a/b:c",
    "a stress of nine": f'{LATTICE} Properties=species:S:1:pos:R:3 energy=-3.5 stress="1 4 5 4 2 6 5 6 3"',
}


def text_of(comment: str) -> str:
    layout = next((w for w in comment.split() if w.startswith("Properties=")), "=species:S:1:pos:R:3")
    parts = layout.partition("=")[2].split(":")
    rows = []
    for symbol, position in ROWS.items():
        number = str({"O": 8, "H": 1}[symbol])
        known = {"species": [symbol], "Z": [number], "numbers": [number], "pos": map(str, position)}
        cells = [
            known.get(name, [f"{0.5 * i}" if kind == "R" else "1" for i in range(int(width))])
            for name, kind, width in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
        ]
        rows.append(" ".join(cell for each in cells for cell in each))
    extra = "" if "Properties" in comment else " 0.25 word"
    return "\n".join(["2", comment, *(row + extra for row in rows), ""])


@pytest.mark.parametrize("name", CORPUS)
def test_as_ase_reads_it(tmp_path, name):
    path = tmp_path / "x.extxyz"
    path.write_text(text_of(CORPUS[name]))
    atoms, found = ase.io.read(path), io.read(path)
    np.testing.assert_array_equal(found.numbers, atoms.numbers)
    np.testing.assert_array_equal(found.positions, atoms.positions)
    assert found.energy[0] == atoms.get_potential_energy() == -3.5
    forces = atoms.calc.results.get("forces")
    assert (found.forces is None) == (forces is None)
    np.testing.assert_array_equal(np.array(found.forces), np.array(forces))
    if found.cell is None:
        assert not atoms.pbc.any() and not atoms.cell.any()
    else:
        np.testing.assert_array_equal(found.cell[0], atoms.cell.array)
        np.testing.assert_array_equal(found.pbc[0], atoms.pbc)
    if "stress" in atoms.calc.results:
        np.testing.assert_array_equal(found.columns["stress"][0], atoms.get_stress(voigt=False).ravel())
        assert found.units["stress"] == "eV/Å³"


def test_columns_that_may_be_forces_are_said(tmp_path):
    (tmp_path / "x.xyz").write_text("2\n\nO 0 0 0 1 2 3\nH 0 0 0.96 4 5 6\n")
    with pytest.warns(UserWarning, match=r"x.xyz:3: columns 5 to 7 are not read; .*Properties=.*forces:R:3"):
        assert io.read(tmp_path / "x.xyz").forces is None
