"""Data in the right units pass in silence, data in wrong ones do not."""

import warnings
from dataclasses import replace
from pathlib import Path

import ase.build
import numpy as np
import pytest
from ase.calculators.emt import EMT
from scipy.spatial.transform import Rotation

import tutti.data
from tutti import io
from tutti.core.structures import Structures
from tutti.core.units import factor
from tutti.io import FormatError, label_units, plausibility

EMBEDDED = Path(tutti.data.__file__).parent / "embedded"
REAL = [
    f"rmd17/rmd17_{name}_train_01.npz"
    for name in ("ethanol", "aspirin", "malonaldehyde", "toluene", "uracil")
]
REAL += ["ethanol_pbe/train.xyz", "ethanol_pbe/test_MD.xyz", "water_rpbe_d3.input.data", "qm7.extxyz.gz"]
REAL += ["qm9_first339.xyz", "ethanol_pbe/isolated_atoms.xyz"]
UNITS = {"kcal/mol": 23.06, "Hartree": 27.21, "Hartree/bohr": 51.42, "gradients": -1.0}


def said(structures: Structures, read_in: str | None = "Å", units: dict | None = None) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plausibility.check(structures, Path("x"), {} if units is None else units, read_in)
    return " ".join(str(each.message) for each in caught)


def scaled(structures: Structures, length: float = 1, energy: float = 1, forces: float = 1) -> Structures:
    return replace(
        structures,
        positions=structures.positions * length,
        cell=None if structures.cell is None else structures.cell * length,
        energy=None if structures.energy is None else structures.energy * energy,
        forces=None if structures.forces is None else structures.forces * forces,
    )


@pytest.fixture(scope="module")
def ethanol(shared_data):
    return io.read(shared_data / "rmd17/rmd17_ethanol_train_01.npz")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", REAL)
def test_right_data_pass_in_silence(shared_data, name):
    assert len(io.read(shared_data / name, keys={"forces": None} if "isolated" in name else None))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["ethanol_gfn2", "water16_gfn1", "qm9_6"])
def test_embedded_data_pass_in_silence(name):
    assert len(io.read(EMBEDDED / f"{name}.npz"))


@pytest.mark.filterwarnings("error")
def test_metals_of_other_compositions_pass_in_silence(tmp_path):
    frames = []
    for symbol, seed in (("Cu", 0), ("Al", 1), ("Pt", 2)):
        atoms = ase.build.bulk(symbol, cubic=True) * (2, 1, 1)
        atoms.rattle(0.05, seed=seed)
        atoms.calc = EMT()
        atoms.get_forces()
        frames.append(atoms)
    ase.io.write(tmp_path / "x.extxyz", frames)
    assert len(io.read(tmp_path / "x.extxyz")) == 3
    salt = ase.build.bulk("NaCl", "rocksalt", 5.64)  # whose ions touch across the cell's faces only
    salt.positions[1] -= salt.cell.array.sum(0)
    for atoms in (
        salt,
        ase.build.bulk("Ar", cubic=True),
        ase.build.molecule("H2"),
        ase.Atoms("H"),
        ase.Atoms(),
    ):
        assert not said(Structures.from_ase([atoms, atoms]))


def test_structures_are_turned_onto_each_other(ethanol):
    rotations = Rotation.random(len(ethanol), rng=0)
    turn = np.repeat(rotations.as_matrix(), 9, axis=0)
    turned = replace(
        ethanol,
        positions=np.einsum("nij,nj->ni", turn, ethanol.positions),
        forces=np.einsum("nij,nj->ni", turn, ethanol.forces),
        energy=ethanol.energy - ethanol.energy.mean(),
    )
    assert not said(turned)
    assert "pairs of like structures differ by 1.8" in said(scaled(turned, energy=1.9))
    # Also mirror images, which no rotation brings together.
    fixed = np.random.default_rng(0).normal(size=(20, 9, 3))
    mirrored = fixed * [1, 1, -1] + 0.1
    expected = [Rotation.align_vectors(a, b)[0].as_matrix().T for a, b in zip(fixed, mirrored, strict=True)]
    np.testing.assert_allclose(label_units._turns(fixed, mirrored), expected, atol=1e-6)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", ["ethanol", "aspirin", "toluene", "uracil"])
def test_forces_in_another_unit(shared_data, name, unit):
    right = io.read(shared_data / f"rmd17/rmd17_{name}_train_01.npz")
    message = said(scaled(right, forces=UNITS[unit]))
    if unit == "gradients":
        assert "they have the sign of gradients" in message
    else:
        assert "forces on H change by" in message and f"({UNITS[unit]:.4g} is " in message
    # Both wrong alike, as an archive that is read in another unit than its own.
    assert said(scaled(right, energy=UNITS[unit], forces=UNITS[unit]))
    assert said(scaled(right, forces=1 / UNITS[unit]))


@pytest.mark.parametrize("wrong", [23.06, 27.211, 0.529177, 1.8897, 51.422, 1 / 23.06, 1 / 27.211, -1])
def test_energies_in_another_unit_than_forces(ethanol, wrong):
    relative = replace(ethanol, energy=(ethanol.energy - ethanol.energy.mean()))
    message = said(scaled(relative, energy=wrong))
    assert "pairs of like structures differ by" in message
    assert ("with the other sign" in message) == (wrong < 0)


@pytest.mark.parametrize("unit", ["Hartree", "kcal/mol", "kJ/mol"])
def test_total_energies_in_another_unit(ethanol, unit):
    alone = replace(ethanol, forces=None)
    message = said(scaled(alone, energy=factor("eV", unit)))
    assert f"as if they were in {unit}: give units: {{energy: {unit}}}" in message
    message = said(scaled(alone, energy=factor("Hartree", "eV")))
    assert "as if they were in eV, read as Hartree: give units: {energy: eV}" in message
    for usual in (
        0.0735,
        0.14,
        0.011,
        0.0076,
    ):  # xTB, CP2K and VASP, which have valence electrons; atomisation
        assert not said(scaled(alone, energy=usual))


@pytest.mark.parametrize(
    "name", ["rmd17/rmd17_aspirin_test_01.npz", "qm7.extxyz.gz", "water_rpbe_d3.input.data"]
)
def test_lengths_in_another_unit(shared_data, name):
    right = io.read(shared_data / name)
    with pytest.raises(
        FormatError, match=r"x: expected bonds .*lengths seem to be in bohr: give units: {length: bohr}"
    ):
        said(scaled(right, length=1.8897))
    with pytest.raises(
        FormatError, match=r"lengths seem to be in Å: give units: {length: Å}, or bohr if they are right"
    ):
        said(scaled(right, length=0.529177), read_in="bohr")
    with pytest.raises(FormatError, match="lengths seem to be in nm"):
        said(scaled(right, length=0.1))
    # Who says the unit is only warned, as are archives that say it, and who reads no labels.
    assert "no bonds as long as bonds are" in said(scaled(right, length=1.8897), units={"length": "Å"})
    assert "no bonds as long as bonds are" in said(scaled(right, length=1.8897), read_in=None)
    with pytest.warns(UserWarning, match=r"no bonds .* of structure \d+"):
        plausibility.check(scaled(right, length=1.8897), Path("x"), None, "Å")


def test_n2p2_in_ångström(tmp_path, shared_data):
    frames = ase.io.read(shared_data / "ethanol_pbe/train.xyz", ":30")
    text = ""
    for atoms in frames:
        rows = zip(atoms.symbols, atoms.positions.tolist(), strict=True)
        lines = [f"atom {x} {y} {z} {symbol} 0 0 0 0 0" for symbol, (x, y, z) in rows]
        energy = atoms.get_potential_energy() / 27.211386245988
        text += "\n".join(
            ["begin", "comment ethanol", *lines, f"energy {energy}", "totalcharge 0", "end", ""]
        )
    (tmp_path / "input.data").write_text(text)
    with pytest.raises(FormatError, match=r"lengths seem to be in Å: give units: {length: Å}, or bohr"):
        io.read(tmp_path / "input.data")
    with pytest.warns(UserWarning, match="forces are exactly 0 in all 30 structures; .*keys: {forces: null}"):
        found = io.read(tmp_path / "input.data", units={"length": "Å"})
    np.testing.assert_array_equal(found.positions[:9], frames[0].positions)
    assert found.energy[0] == pytest.approx(frames[0].get_potential_energy(), rel=1e-7)


def test_zeros_are_said(ethanol):
    assert "energies are exactly 0 in all 1000 structures" in said(scaled(ethanol, energy=0))
    assert "forces are exactly 0 in all 1000 structures" in said(scaled(ethanol, forces=0))
    assert not said(scaled(ethanol[:1], energy=0))


def test_dissociation_curves_pass():
    curve = [ase.Atoms("CO", [[0, 0, 0], [0, 0, d]]) for d in np.linspace(0.5, 8, 60)]
    assert not said(Structures.from_ase(curve))


def test_a_few_strange_structures_pass(ethanol):
    positions = ethanol.positions * np.where(np.arange(len(ethanol.positions)) < 9 * 300, 3.0, 1.0)[:, None]
    assert not said(replace(ethanol, positions=positions, energy=None, forces=None))


def test_a_hundred_thousand_molecules_cost_little(shared_data):
    small = io.read(shared_data / "qm7.extxyz.gz")
    many = Structures.concatenate([small] * 14)
    looked_at = []
    frame = Structures.frame
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Structures, "frame", lambda self, i: looked_at.append(i) or frame(self, i))
        assert not said(many)
    assert len(many) > 90_000 and len(looked_at) < 10_000
