"""Energies, forces and stresses under the names that files give them."""

import warnings

import ase
import numpy as np
import pytest
import torch
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write

from tutti import io
from tutti.core.structures import Structures
from tutti.io import FormatError
from tutti.io.labels import Labels

KEYS = {"energy": "REF_energy", "forces": "REF_forces"}
NONE = {"energy": None, "forces": None}
WATER = molecule("H2O")
FORCES = np.arange(9.0).reshape(3, 3)


def text(
    properties: str = "REF_forces:R:3", comment: str = "REF_energy=-2", rows: np.ndarray = FORCES
) -> str:
    atoms = [
        " ".join([symbol, *map(str, position), *map(str, row)])
        for symbol, position, row in zip(WATER.symbols, WATER.positions, rows, strict=True)
    ]
    return "\n".join(["3", f"Properties=species:S:1:pos:R:3:{properties} {comment}", *atoms, ""])


def read(tmp_path, content: str, **options):
    (tmp_path / "x.extxyz").write_text(content)
    return io.read(tmp_path / "x.extxyz", **options)


def test_keys_say_the_names(tmp_path):
    units = {"energy": "Hartree"}
    found = read(tmp_path, text(comment="REF_energy=-2 energy=7 gap=1"), keys=KEYS, units=units)
    assert found.energy[0] == pytest.approx(-2 * 27.211386245988, rel=1e-8)
    np.testing.assert_allclose(found.forces, FORCES * 27.211386245988, rtol=1e-8)
    assert found.columns.keys() == {"gap"}
    own = read(tmp_path, text("forces:R:3:REF_forces:R:3", rows=np.hstack([FORCES + 50, FORCES])), keys=KEYS)
    assert own.forces.tolist() == FORCES.tolist()


@pytest.mark.parametrize("name", ["a.extxyz", "a.traj", "a.db", "a.npz", "a.pt"])
def test_keys_in_every_format_with_names(tmp_path, name):
    path, stress = tmp_path / name, np.arange(6.0)
    if name in ("a.npz", "a.pt"):
        arrays = {
            "positions": WATER.positions[None],
            "numbers": WATER.numbers,
            "REF_energy": np.array([-2.0]),
        }
        arrays |= {"REF_forces": FORCES[None], "sigma": stress[None]}
        if name == "a.npz":
            np.savez(path, **arrays)
        else:
            torch.save({key: torch.tensor(array) for key, array in arrays.items()}, path)
    else:
        atoms = WATER.copy()
        atoms.info |= {"REF_energy": -2.0, "sigma": stress}
        atoms.arrays["REF_forces"] = FORCES
        if name == "a.db":
            with connect(path) as database:
                database.write(WATER, REF_energy=-2.0, data={"REF_forces": FORCES, "sigma": stress})
        else:
            write(path, atoms)
    units = {"length": "Å", "energy": "eV"}
    if name == "a.traj":  # keeps info, and of the atoms' arrays those that ASE knows
        found = io.read(path, keys={"energy": "REF_energy", "stress": "sigma"})
        assert found.energy.tolist() == [-2] and found.columns["stress"].tolist() == [MATRIX.ravel().tolist()]
        return
    with pytest.raises(
        FormatError, match=r"found REF_energy, REF_forces: .*keys: {energy: REF_energy, forces:"
    ):
        io.read(path, units=units)
    found = io.read(path, units=units, keys={**KEYS, "stress": "sigma"})
    assert found.energy.tolist() == [-2] and found.forces.tolist() == FORCES.tolist()
    assert found.columns["stress"].tolist() == [MATRIX.ravel().tolist()] and found.units["stress"] == "eV/Å³"


@pytest.mark.parametrize(
    ("properties", "comment", "found", "hint"),
    [
        (
            "REF_forces:R:3",
            "REF_energy=-2",
            "REF_energy, REF_forces",
            "{energy: REF_energy, forces: REF_forces}",
        ),
        (
            "dft_forces:R:3",
            "dft_energy=-2",
            "dft_energy, dft_forces",
            "{energy: dft_energy, forces: dft_forces}",
        ),
        ("forces_ref:R:3", "energy=-2", "forces_ref", "{forces: forces_ref}"),
        ("f_xyz:R:3", "energy=-2", "f_xyz", "{forces: f_xyz}"),
        ("fx:R:1:fy:R:1:fz:R:1", "energy=-2", "fx fy fz", "{forces: fx fy fz}"),
        ("thing:R:3", "energy=-2", "thing", "{forces: thing}"),
        ("force:R:3", "TotEnergy=-2", "TotEnergy", "{energy: TotEnergy}"),
        ("force:R:3", "free_energy=-2", "free_energy", "{energy: free_energy}"),
        ("force:R:3", "QM-energy=-2", "QM-energy", "{energy: QM-energy}"),
        (
            "force:R:3",
            "E_tot=-2 mace_energy=-1 dft_energy=-3",
            "dft_energy, E_tot, mace_energy",
            "{energy: dft_energy}",
        ),
    ],
)
def test_names_that_look_like_labels_stop_the_reading(tmp_path, properties, comment, found, hint):
    with pytest.raises(FormatError) as caught:
        read(tmp_path, text(properties, comment))
    message = str(caught.value).partition("x.extxyz")[2]
    assert (
        message.startswith(":2: expected ")
        and f"found {found}: to read" in message
        and f"keys: {hint};" in message
    )


@pytest.mark.parametrize(
    "name",
    ["velo", "vel", "momenta", "magmoms", "dipoles", "displacement", "initial_magmoms", "ref_positions"],
)
def test_other_triples_do_not(tmp_path, name):
    assert read(tmp_path, text(f"{name}:R:3", "energy=-2")).forces is None


@pytest.mark.parametrize(
    "comment",
    [
        "homo=-2",
        "atomization_energy=-2",
        "zero_point_energy=1 U0=-3",
        "energy_U0=-2 energy_U=-2 free_energy=-2",
        "binding_energy=-1",
        "energy_unit=eV",
        "ref_energy=none",
    ],
)
def test_other_energies_do_not(tmp_path, comment):
    found = read(tmp_path, text("forces:R:3", comment))
    assert found.energy is None and len(found.columns) == comment.count("=")


def test_forces_in_three_columns(tmp_path):
    content = text(
        "tag:I:1:fx:R:1:fy:R:1:fz:R:1", "energy=-2", np.hstack([np.ones((3, 1)), FORCES]).astype(int)
    )
    assert read(tmp_path, content, keys={"forces": "fx fy fz"}).forces.tolist() == FORCES.tolist()


def test_what_is_said_not_to_be_read(tmp_path):
    assert read(tmp_path, text(), keys=NONE).energy is None
    found = read(tmp_path, text("forces:R:3", "energy=-2"), keys={"forces": None})
    assert found.energy.tolist() == [-2] and found.forces is None
    with pytest.raises(FormatError, match=r"keys: {energy: REF_energy, forces: null}"):
        read(tmp_path, text(), keys={"energy": "REF_energy"})


def test_labels_beside_those_that_are_read_are_said(tmp_path):
    content = text(
        "forces:R:3:MACE_forces:R:3", "energy=-2 MACE_energy=-3 free_energy=-2", np.hstack([FORCES] * 2)
    )
    with pytest.warns(
        UserWarning, match="x.extxyz:2: MACE_energy, MACE_forces are not read beside energy and forces"
    ):
        assert read(tmp_path, content).energy.tolist() == [-2]


def test_gradients_are_no_forces(tmp_path):
    with pytest.raises(FormatError, match="found gradient: forces are the negative of gradient"):
        read(tmp_path, text("gradient:R:3", "energy=-2"))
    with pytest.raises(
        ValueError, match="keys: gradient looks like a gradient, of which forces are the negative"
    ):
        read(tmp_path, text("gradient:R:3", "energy=-2"), keys={"forces": "gradient"})


def test_names_that_are_not_there(tmp_path):
    with pytest.raises(
        FormatError, match=r"x.extxyz:2: expected 'Ref_energy', as keys say, found only REF_energy, gap"
    ):
        read(tmp_path, text(comment="REF_energy=-2 gap=1"), keys={"energy": "Ref_energy", "forces": None})
    with pytest.raises(FormatError, match=":7: expected forces, as other structures have it, found none"):
        read(tmp_path, text() + text("other:R:3"), keys=KEYS)


@pytest.mark.parametrize("keys", [{"force": "x"}, {"energies": "E", "virial": "v"}])
def test_unknown_keys(tmp_path, keys):
    with pytest.raises(
        ValueError, match=f"keys: unknown {', '.join(sorted(keys))}; known are energy, forces, stress"
    ):
        read(tmp_path, text(), keys=keys)


def test_formats_without_names(tmp_path):
    content = "begin\natom 0 0 0 H 0 0 0 0 1\natom 0 0 1.4 H 0 0 0 0 -1\nenergy -1\nend\n"
    (tmp_path / "x.data").write_text(content)
    with pytest.raises(
        ValueError, match=r"x.data: files of this kind have no names to choose from, but keys say energy: E"
    ):
        io.read(tmp_path / "x.data", keys={"energy": "E"})
    assert io.read(tmp_path / "x.data", keys={"forces": None}).forces is None


def test_what_nobody_asks_for_is_not_looked_at(tmp_path):
    bad = text("forces:R:3", "energy=low").replace("8.0", "much")
    mixed = text("forces:R:3", "energy=-2 stress=bad") + text("velo:R:3", "REF_energy=3")
    for content in (bad, mixed, text()):
        with pytest.raises(FormatError):
            read(tmp_path, content)
        found = read(tmp_path, content, labels=False)
        assert found.energy is None and found.forces is None and set(found.n_atoms.tolist()) == {3}
    np.savez(tmp_path / "x.npz", R=WATER.positions[None], z=WATER.numbers, E=np.array(["?"]), r_unit="Ang")
    assert io.read(tmp_path / "x.npz", labels=False).numbers.tolist() == [8, 1, 1]


def test_names_of_columns_of_our_own_archives(tmp_path):
    one = Structures.from_frames(
        [(WATER.numbers, WATER.positions)], columns={"U0": np.array([-2.0])}, energy=np.ones(1)
    )
    one.save(tmp_path / "x.npz")
    found = io.read(tmp_path / "x.npz", keys={"energy": "U0"})
    assert found.energy.tolist() == [-2]
    assert io.read(tmp_path / "x.npz").energy.tolist() == [1]
    with pytest.raises(FormatError, match="expected 'F', as keys say"):
        io.read(tmp_path / "x.npz", keys={"forces": "F"})


MATRIX = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
"""Of 0 1 2 3 4 5 in Voigt's order."""


def test_stresses_are_ase_s(tmp_path):
    atoms = ase.Atoms("He", cell=[3, 3, 3], pbc=True)
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=np.zeros((1, 3)), stress=np.arange(6) / 7)
    for name in ("x.extxyz", "x.traj", "x.db"):
        write(tmp_path / name, atoms)
        found = io.read(tmp_path / name)
        np.testing.assert_allclose(found.columns["stress"], MATRIX.reshape(1, 9) / 7, rtol=1e-7)
        again = tmp_path / "again.extxyz"
        io.write(again, found)
        assert io.read(again).digest == found.digest
        np.testing.assert_array_equal(
            ase.io.read(again).get_stress(voigt=False).ravel(), found.columns["stress"][0]
        )
    gigapascal = io.read(tmp_path / "x.extxyz", units={"stress": "GPa"})
    np.testing.assert_allclose(
        gigapascal.columns["stress"], MATRIX.reshape(1, 9) / 7 * ase.units.GPa, rtol=1e-7
    )
    with pytest.raises(FormatError, match="expected a stress of 6 or 9 numbers, found 3"):
        read(tmp_path, text("forces:R:3", 'energy=-1 stress="1 2 3"'))


def test_nothing_is_said_of_usual_files(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read(
            tmp_path, text("forces:R:3:velo:R:3", "energy=-2 free_energy=-2 homo=1", np.hstack([FORCES] * 2))
        )
    assert found.energy.tolist() == [-2] and Labels().keys == {}
