"""Isolated atoms among the frames: their energies, the frames that are left, and what is refused."""

from dataclasses import replace

import ase
import ase.io
import numpy as np
import pytest

from tutti import io
from tutti.core.structures import Structures
from tutti.io import FormatError

PAIR = "2\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-31.5\nH 0 0 0 1 0 0\nH 0 0 0.7 -1 0 0\n"
FORCES = "Properties=species:S:1:pos:R:3:forces:R:3"


def atom(symbol, remark):
    return f"1\n{remark}\n{symbol} 0 0 0{' 0 0 0' if 'forces' in remark else ''}\n"


def read(tmp_path, text, **options):
    (tmp_path / "x.xyz").write_text(text)
    return io.read(tmp_path / "x.xyz", free_atoms=True, **options)


@pytest.mark.parametrize(
    "remark",
    [
        "config_type=IsolatedAtom energy=-13.6",
        "config_type=isolated_atom energy=-13.6",
        f"{FORCES} energy=-13.6",
        'Lattice="9 0 0 0 9 0 0 0 9" config_type=isolated energy=-13.6',
        'Lattice="9 0 0 0 9 0 0 0 9" pbc="F F F" energy=-13.6',
        "energy=-13.6 charge=0",
    ],
)
def test_an_isolated_atom_is_an_energy_and_no_structure(tmp_path, remark):
    found = read(tmp_path, PAIR + atom("H", remark) + PAIR)
    assert found.free_atoms == {"H": -13.6}
    assert found.n_atoms.tolist() == [2, 2] and found.forces.shape == (4, 3) and found.cell is None
    found.save(tmp_path / "x.npz")
    assert Structures.load(tmp_path / "x.npz").free_atoms == found.free_atoms
    assert io.read(tmp_path / "x.npz", free_atoms=True).digest == found.digest
    assert io.read(tmp_path / "x.npz").free_atoms == {}
    assert found[1:].free_atoms == {"H": -13.6}
    assert len({replace(found, free_atoms=each).digest for each in ({}, {"H": -13.6}, {"H": -13.5})}) == 3


@pytest.mark.parametrize(
    "remark",
    [
        f'{FORCES} Lattice="2 0 0 0 2 0 0 0 2" energy=-13.6',  # a crystal
        f"{FORCES} energy=-0.5 charge=1",
    ],
)
def test_other_frames_of_one_atom_are_structures(tmp_path, remark):
    found = read(tmp_path, PAIR + atom("H", remark))
    assert not found.free_atoms and found.n_atoms.tolist() == [2, 1]


def test_without_energies_a_lone_atom_is_a_structure(tmp_path):
    found = read(tmp_path, "1\n\nO 0 0 0\n2\n\nH 0 0 0\nH 0 0 1\n")
    assert not found.free_atoms and len(found) == 2


def test_they_stay_structures_where_nobody_asks(tmp_path):
    (tmp_path / "x.xyz").write_text(PAIR + atom("H", f"{FORCES} energy=-13.6 config_type=IsolatedAtom"))
    found = io.read(tmp_path / "x.xyz")
    assert not found.free_atoms and len(found) == 2


def test_units_hold_for_them(tmp_path):
    found = read(tmp_path, PAIR + atom("H", "energy=-0.5"), units={"energy": "Ha"})
    assert found.free_atoms["H"] == pytest.approx(-13.605693, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            atom("H", "energy=-13.6") + PAIR + atom("H", "energy=-13.5"),
            r"x\.xyz:9: expected the energy of the isolated atom H in .*x\.xyz:2, -13\.6 eV, "
            r"found -13\.5 eV; keep one of the two",
        ),
        (
            PAIR.replace("energy", "config_type=IsolatedAtom energy"),
            r"x\.xyz:2: expected an isolated atom, f",
        ),
        (
            PAIR + atom("H", "config_type=IsolatedAtom"),
            r"x\.xyz:6: expected the energy of this isolated atom, found none",
        ),
        (atom("H", "energy=-13.6"), r"x\.xyz:1: expected a structure, found isolated atoms alone"),
    ],
)
def test_what_is_refused(tmp_path, text, message):
    with pytest.raises(FormatError, match=message):
        read(tmp_path, text)


def test_the_same_energy_twice_is_no_conflict(tmp_path):
    assert read(tmp_path, PAIR + 2 * atom("H", "energy=-13.6")).free_atoms == {"H": -13.6}


def test_a_file_of_their_own_in_the_folder_or_elsewhere(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.xyz").write_text(PAIR)
    ase.io.write(tmp_path / "in/b.traj", ase.Atoms("He"))
    with pytest.raises(FormatError, match="energy, as other structures have it, found none"):
        io.read(tmp_path / "in", free_atoms=True)
    (tmp_path / "in/b.traj").unlink()
    # In a cell and not marked: a file of isolated atoms alone says enough.
    text = atom("H", 'Lattice="9 0 0 0 9 0 0 0 9" energy=-13.6') + atom("O", "energy=-2041")
    (tmp_path / "atoms.xyz").write_text(text)
    apart = io.read(tmp_path / "in", free_atoms=tmp_path / "atoms.xyz")
    assert apart.free_atoms == {"H": -13.6, "O": -2041.0} and len(apart) == 1 and "atoms.xyz" in apart.source
    (tmp_path / "in/b.xyz").write_text(atom("O", "energy=-2041"))
    assert io.read(tmp_path / "in", free_atoms=True).free_atoms == {"O": -2041.0}
    with pytest.raises(FormatError, match=r"a\.xyz:2: expected an isolated atom, found 2 atoms"):
        io.read(tmp_path / "atoms.xyz", free_atoms=tmp_path / "in")


def test_several_files_by_the_part_that_each_holds(tmp_path):
    (tmp_path / "a.xyz").write_text(PAIR + atom("H", "energy=-13.6") + PAIR)
    (tmp_path / "b.xyz").write_text(PAIR.replace("energy", 'Lattice="9 0 0 0 9 0 0 0 9" energy'))
    found = io.read({"train": tmp_path / "a.xyz", "test": tmp_path / "b.xyz"}, free_atoms=True)
    assert found.columns["split"].tolist() == ["train", "train", "test"]
    assert found.free_atoms == {"H": -13.6} and found.pbc.any(1).tolist() == [False, False, True]
    assert found.source.count("sha256:") == 2
    (tmp_path / "b.xyz").write_text("1\nenergy=-3\nHe 0 0 0\n2\nenergy=-3\nHe 0 0 0\nHe 0 0 3\n")
    with pytest.raises(FormatError, match=r"b\.xyz:5: expected forces, as other structures have it"):
        io.read({"train": tmp_path / "a.xyz", "test": tmp_path / "b.xyz"}, free_atoms=True)


def test_the_usual_layouts_of_training_files(shared_data):
    """Energies that stand in the files; the third case has no forces on its isolated atoms."""
    cases = shared_data.parent / "cases"
    for name in ("E2_isolated", "E3_mace_layout"):
        found = io.read(cases / name / "frames.extxyz", free_atoms=True)
        assert found.free_atoms["C"] == pytest.approx(-1025.277, abs=5e-4)
        assert found.free_atoms.keys() == {"C", "H", "O"}
        assert len(found) == 120 and (found.n_atoms == 9).all() and found.forces is not None
    folder = shared_data / "ethanol_pbe"
    found = io.read(folder / "train.xyz", free_atoms=folder / "isolated_atoms.xyz")
    assert len(found) == 1000 and sorted(found.free_atoms) == ["C", "H", "N", "O"]
    apart = np.array([found.free_atoms[s] for s in ("C", "H", "O")]) @ [2, 6, 1]
    assert ((apart - found.energy > 30) & (apart - found.energy < 50)).all()  # eight bonds
