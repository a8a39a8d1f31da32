"""Trajectories on GFN-xTB: the same bytes however they are interrupted, and labels that are the frames'."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.data import atomic_masses

from tutti.core.files import sha256
from tutti.core.registry import names
from tutti.core.structures import Structures
from tutti.data import langevin, trajectory, water16
from tutti.data.shipped import EMBEDDED

BOHR, HARTREE = 0.529177210903, 27.211386245988  # Å, eV: CODATA 2018

# Water at 2000 K, so that frames differ soon: two replicas of three parts.
HOT = trajectory.Config(
    smiles="O", temperature=2000.0, frames=120, interval=1.0, equilibration=15.0, replicas=2, seed=3
)
RUN = """
from pathlib import Path
from tutti.data import trajectory
from tutti.data.trajectory import Config
trajectory.make({config!r}, Path("out.npz"), Path("killed"), 1)
"""


def label(
    method: str, structures: Structures, i: int, shift: np.ndarray | float = 0.0
) -> tuple[float, np.ndarray]:
    """(energy in eV, forces in eV/Å) of a frame, from tblite itself and not through ASE."""
    from tblite.interface import Calculator

    numbers, positions = structures.frame(i)
    lattice = {} if structures.cell is None else {"lattice": structures.cell[i] / BOHR}
    periodic = {} if structures.pbc is None else {"periodic": structures.pbc[i]}
    calculator = Calculator(method, numbers, (positions + shift) / BOHR, **lattice, **periodic)
    calculator.set("verbosity", 0)
    calculator.set("accuracy", 0.01)
    result = calculator.singlepoint()
    return result["energy"] * HARTREE, -result["gradient"] * HARTREE / BOHR


def forces_of(structures: Structures, i: int) -> np.ndarray:
    return structures.forces[structures.offsets[i] : structures.offsets[i + 1]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tblite")
    folder = tmp_path_factory.mktemp("whole")
    trajectory.make(HOT, folder / "out.npz", folder / "work", jobs=2)
    return folder / "out.npz"


def test_a_killed_run_goes_on_to_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN.format(config=HOT)]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and len(list(tmp_path.glob("killed/[0-9a-f]*.npz"))) < 2:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    parts = sorted(tmp_path.glob("killed/[0-9a-f]*.npz"))
    # One of them is what the replicas start from.
    assert 2 <= len(parts) < 7 and not (tmp_path / "out.npz").exists()
    kept = [part.stat().st_mtime_ns for part in parts]
    trajectory.make(HOT, tmp_path / "out.npz", tmp_path / "killed", jobs=2)
    assert [part.stat().st_mtime_ns for part in parts] == kept
    assert (tmp_path / "out.npz").read_bytes() == whole.read_bytes()


def test_a_damaged_part_is_computed_anew(whole: Path, tmp_path: Path) -> None:
    trajectory.make(HOT, tmp_path / "out.npz", tmp_path / "work", jobs=2)
    for path in tmp_path.glob("work/*.npz"):
        path.write_bytes(path.read_bytes()[:100])
    trajectory.make(HOT, tmp_path / "again.npz", tmp_path / "work", jobs=2)
    assert (tmp_path / "again.npz").read_bytes() == whole.read_bytes()


def test_what_stands_in_a_trajectory(whole: Path) -> None:
    structures = Structures.load(whole)
    assert len(structures) == 120 and structures.n_atoms.tolist() == [3] * 120
    assert structures.columns["replica"].tolist() == [0] * 60 + [1] * 60
    assert structures.columns["step"].tolist() == list(range(32, 152, 2)) * 2
    assert set(structures.columns) == {"replica", "step"} and structures.cell is None
    source = json.loads(structures.source)
    assert (source["method"], source["smiles"], source["temperature"]) == ("GFN2-xTB", "O", 2000.0)
    assert len(source["mean_temperatures"]) == 2 and "tblite" in source["versions"]
    first, second = structures[:60], structures[60:]
    assert np.abs(first.positions - second.positions).max() > 0.1


def test_labels_are_those_of_the_frames(whole: Path) -> None:
    """Another interface of tblite, and the energy's derivative by central differences."""
    structures = Structures.load(whole)
    for i in (0, 47, 119):
        energy, forces = label("GFN2-xTB", structures, i)
        assert structures.energy[i] == pytest.approx(energy, rel=2e-8)
        np.testing.assert_allclose(forces_of(structures, i), forces, atol=1e-6)
        for atom, axis in ((0, 1), (2, 0)):
            shift = np.zeros((3, 3))
            shift[atom, axis] = 1e-3
            energies = [label("GFN2-xTB", structures, i, sign * shift)[0] for sign in (1, -1)]
            derivative = (energies[0] - energies[1]) / 2e-3
            assert -derivative == pytest.approx(forces_of(structures, i)[atom, axis], abs=2e-4)


def test_a_shorter_run_is_the_beginning_of_a_longer_one(whole: Path, tmp_path: Path) -> None:
    config = replace(HOT, frames=40)
    trajectory.make(config, tmp_path / "out.npz", tmp_path / "work", jobs=1)
    short, long = Structures.load(tmp_path / "out.npz"), Structures.load(whole)
    np.testing.assert_array_equal(short.positions[:60], long.positions[:60])
    np.testing.assert_array_equal(short.positions[60:], long.positions[180:240])
    np.testing.assert_array_equal(short.energy, np.r_[long.energy[:20], long.energy[60:80]])


def test_without_friction_the_energy_is_kept_across_parts(tmp_path: Path) -> None:
    """Masses, time step and what a part hands on to the next must be right for that."""
    pytest.importorskip("tblite")
    config = replace(HOT, timestep=0.25, friction=1e-9, interval=0.5, hydrogen_mass=2.0, replicas=1)
    config = replace(config, equilibration=0.0, frames=75)
    trajectory.make(config, tmp_path / "out.npz", tmp_path / "work", jobs=1)
    parts = [Structures.load(path) for path in tmp_path.glob("work/*.npz")]
    parts = [part for part in parts if "step" in part.columns]  # not the structure that it starts from
    parts.sort(key=lambda part: part.columns["step"][0])
    assert [len(part) for part in parts] == [25] * 3
    potential = np.concatenate([part.energy for part in parts])
    momenta = np.concatenate([part.columns["momenta"] for part in parts])  # ASE's unit: sqrt(u eV)
    kinetic = (momenta**2 / np.array([15.999, 2.0, 2.0])[:, None]).sum((1, 2)) / 2
    assert np.ptp(potential) > 0.1
    assert np.ptp(potential + kinetic) < 0.02 * np.ptp(potential)
    temperature = np.concatenate([part.columns["temperature"] for part in parts])
    np.testing.assert_allclose(temperature, kinetic / (4.5 * 8.617333262e-5), rtol=1e-6)


def test_momenta_are_those_of_the_temperature_and_of_the_masses() -> None:
    """Equipartition at the start of 400 replicas, with the masses that were asked for."""
    water = water16.starts(water16.Config())[:1]
    config = water16.Config(temperature=300.0)
    replicas = [
        langevin.Replica("", "", index, "GFN1-xTB", config.hydrogen_mass, config.protocol)
        for index in range(400)
    ]
    momenta = np.array([langevin.beginning(water, replica).get_momenta() for replica in replicas])
    masses = np.where(water.numbers == 1, 4.0, atomic_masses[8])
    kinetic = (momenta**2).mean(axis=(0, 2)) / masses / 8.617333262e-5  # kB, eV/K
    assert kinetic.mean() == pytest.approx(300.0, rel=4 / np.sqrt(400 * 144 / 2))
    for number in (1, 8):
        share = kinetic[water.numbers == number]
        assert share.mean() == pytest.approx(300.0, rel=4 / np.sqrt(400 * 3 * len(share) / 2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0.0}, "temperature: 0.0 is not positive"),
        ({"frames": 0}, "frames: 0 is not positive"),
        ({"equilibration": -1.0}, "equilibration: -1.0 is negative"),
        ({"interval": 1.2}, "interval: 1.2 is no multiple of timestep, 0.5"),
        ({"equilibration": 15.5}, "equilibration: 15.5 is no multiple of interval, 1.0"),
        ({"frames": 121}, "frames: 121 is no multiple of replicas, 2"),
        ({"shipped": "ethanol_gfn2.npz"}, "'shipped' needs 'shipped_sha256'"),
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(HOT, **changes)


@pytest.mark.parametrize(
    ("smiles", "message"),
    [
        ("C(", "is no molecule that RDKit can read"),
        ("[OH-]", "is charged or a radical"),
        ("[CH3]", "is charged or a radical"),
    ],
)
def test_molecules_that_cannot_be_run(smiles: str, message: str, tmp_path: Path) -> None:
    pytest.importorskip("tblite")
    with pytest.raises(ValueError, match=message):
        trajectory.make(replace(HOT, smiles=smiles), tmp_path / "out.npz", tmp_path / "work", jobs=1)


def test_a_run_that_fails_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tblite")
    config = replace(HOT, temperature=1e9)
    with pytest.raises(
        RuntimeError, match=r"replica 0 of the trajectory ended with status 1; see its messages"
    ):
        trajectory.make(config, tmp_path / "out.npz", tmp_path / "work", jobs=1)
    assert "Error" in capfd.readouterr().err
    assert not (tmp_path / "out.npz").exists()


def test_both_kinds_are_found() -> None:
    assert {"trajectory", "water16"} <= set(names("datasets"))


# ---------------------------------------------------------------- water


def test_water_begins_rigid_and_apart() -> None:
    config = water16.Config()
    structures = water16.starts(config)
    assert structures.n_atoms.tolist() == [48] * 3 and structures.pbc.all()
    np.testing.assert_allclose(structures.cell, np.tile(14.798444 * BOHR * np.eye(3), (3, 1, 1)), rtol=1e-9)
    molecules = structures.positions.reshape(3, 16, 3, 3)
    np.testing.assert_allclose(
        np.linalg.norm(molecules[:, :, 1:] - molecules[:, :, :1], axis=-1), 0.9689, atol=1e-3
    )
    centres = molecules[:, :, 0]
    difference = centres[:, :, None] - centres[:, None]
    difference -= water16.EDGE * np.round(difference / water16.EDGE)
    distances = np.linalg.norm(difference, axis=-1) + 10 * np.eye(16)
    # Body-centred cubic, give or take the oxygens' distances from the centres of mass.
    np.testing.assert_allclose(distances.min(axis=-1), np.sqrt(3) / 4 * water16.EDGE, atol=0.14)
    grams = 16 * (15.999 + 2 * 1.008) / 6.02214076e23
    assert grams / (water16.EDGE * 1e-8) ** 3 == pytest.approx(0.997, abs=1e-3)
    assert np.abs(structures.positions[:48] - structures.positions[48:96]).max() > 0.5
    assert (
        structures.digest == water16.starts(config).digest != water16.starts(replace(config, seed=1)).digest
    )


# ---------------------------------------------------------------- what ships

SHIPPED = {
    "ethanol_gfn2.npz": (trajectory, trajectory.ETHANOL),
    "water16_gfn1.npz": (water16, water16.DEMO),
}


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Structures]:
    folder, made = tmp_path_factory.mktemp("shipped"), {}
    for name, (kind, config) in SHIPPED.items():
        config = replace(config, shipped=name, shipped_sha256=sha256(EMBEDDED / name))
        kind.make(config, folder / name, folder / "work", jobs=1)
        made[name] = Structures.load(folder / name)
    return made


@pytest.mark.parametrize(("name", "tolerance"), [("ethanol_gfn2.npz", 50), ("water16_gfn1.npz", 50)])
def test_shipped_sets_are_whole_and_thermal(sets: dict[str, Structures], name: str, tolerance: float) -> None:
    structures, config = sets[name], SHIPPED[name][1]
    assert len(structures) == config.frames
    assert (EMBEDDED / name).stat().st_size < 1.5e6
    assert np.isfinite(structures.forces).all() and np.isfinite(structures.energy).all()
    means = json.loads(structures.source)["mean_temperatures"]
    assert len(means) == config.replicas
    assert np.abs(np.array(means) - config.temperature).max() < tolerance
    counts = np.unique(structures.columns["replica"], return_counts=True)[1]
    assert counts.tolist() == [config.frames // config.replicas] * config.replicas


def test_shipped_labels_are_those_of_the_frames(sets: dict[str, Structures]) -> None:
    pytest.importorskip("tblite")
    for name, method, rows in (
        ("ethanol_gfn2.npz", "GFN2-xTB", (0, 700, 1999)),
        ("water16_gfn1.npz", "GFN1-xTB", (100,)),
    ):
        for i in rows:
            energy, forces = label(method, sets[name], i)
            assert sets[name].energy[i] == pytest.approx(energy, rel=2e-8)
            np.testing.assert_allclose(forces_of(sets[name], i), forces, atol=1e-5)


def test_shipped_molecules_stay_together(sets: dict[str, Structures]) -> None:
    """Every hydrogen of every frame keeps its one heavy atom, and ethanol its bonds C-C and C-O."""
    ethanol = sets["ethanol_gfn2.npz"].positions.reshape(-1, 9, 3)
    carbon = np.linalg.norm(ethanol[:, [0, 1]] - ethanol[:, [1, 2]], axis=-1)
    assert 1.2 < carbon.min() < carbon.max() < 1.9
    hydrogens = np.linalg.norm(ethanol[:, 3:, None] - ethanol[:, None, :3], axis=-1)
    assert (hydrogens.min(axis=-1) < 1.4).all() and ((hydrogens < 1.5).sum(axis=-1) == 1).all()
    assert np.unique(hydrogens.argmin(axis=-1), axis=0).tolist() == [[0, 0, 0, 1, 1, 2]]
    water = sets["water16_gfn1.npz"].positions.reshape(-1, 16, 3, 3)
    bonds = np.linalg.norm(water[:, :, 1:] - water[:, :, :1], axis=-1)
    assert 0.75 < bonds.min() < bonds.max() < 1.3


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"shipped": "ethanol.npz"}, FileNotFoundError, "no file 'ethanol.npz' ships.*ethanol_gfn2.npz"),
        ({"shipped_sha256": "0" * 64}, ValueError, "SHA-256 is"),
        ({"smiles": "CO"}, ValueError, "was made with smiles CCO, not CO: leave out 'shipped'"),
        ({"temperature": 300.0}, ValueError, r"temperature 500\.0, not 300\.0"),
    ],
)
def test_wrong_shipments(
    changes: dict[str, object], error: type[Exception], message: str, tmp_path: Path
) -> None:
    name = "ethanol_gfn2.npz"
    config = replace(trajectory.ETHANOL, shipped=name, shipped_sha256=sha256(EMBEDDED / name))
    with pytest.raises(error, match=message):
        trajectory.make(replace(config, **changes), tmp_path / "out.npz", tmp_path / "work", jobs=1)
    assert not (tmp_path / "out.npz").exists()
