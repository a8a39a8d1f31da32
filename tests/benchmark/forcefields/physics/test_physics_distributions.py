"""Distributions of simulations against their reference, and the whole table from files."""

import numpy as np
import pandas as pd
import pytest
from ase.build import molecule
from broken import Pairs, morse, morse_slope

from tutti.benchmark.forcefields.physics import curves, distributions, probe, rows
from tutti.benchmark.forcefields.physics.settings import PhysicsConfig
from tutti.core.structures import Structures
from tutti.simulation.analysis.spectrum import PER_FS
from tutti.simulation.trajectory import Trajectory

N = 1000


def water(angle=104.5, bond=0.96, wave=1600.0, n=N, scatter=0.02, seed=0):
    """Water whose bonds and angle scatter, and whose velocities have one frequency (cm⁻¹)."""
    rng = np.random.default_rng(seed)
    lengths = bond + scatter * rng.normal(size=(n, 2))
    half = np.radians(angle + 3 * rng.normal(size=n)) / 2
    positions = np.zeros((n, 3, 3))
    positions[:, 1] = lengths[:, :1] * np.stack([np.cos(half), np.sin(half), 0 * half], axis=1)
    positions[:, 2] = lengths[:, 1:] * np.stack([np.cos(half), -np.sin(half), 0 * half], axis=1)
    time = 2.0 * np.arange(n)[:, None, None]
    zeros = np.zeros(n)
    return Trajectory(
        numbers=np.array([8, 1, 1]),
        masses=np.array([16.0, 1, 1]),
        cell=np.zeros((3, 3)),
        pbc=np.zeros(3, bool),
        time_step=2.0,
        steps=np.arange(n),
        positions=positions,
        velocities=np.sin(2 * np.pi * wave / PER_FS * time) * np.ones((n, 3, 3)),
        potential_energy=zeros,
        kinetic_energy=zeros,
        temperature=zeros,
    )


def found(model, reference, nve=None, reference_nve=None, liquid=False):
    made = distributions.rows(nve or model, model, reference, reference_nve, 50.0, liquid, seed=0)
    return {(each["metric"], each["subset"]): each for each in made}


def test_the_same_distributions_are_no_further_apart_than_chance():
    reference = water(seed=1)
    table = found(water(seed=2), reference, reference_nve=reference)
    for subset in ("distances", "angles", "vibrations"):
        error, floor = (table[f"distribution_error{end}", subset] for end in ("", "_floor"))
        assert error["value"] < 2 * floor["value"] + 0.01 and error["unit"] == "1"
        assert error["ci_low"] <= error["value"] <= error["ci_high"]
    assert table["distribution_error", "angles"]["value"] < 0.15


@pytest.mark.parametrize(
    ("changes", "subset"),
    [({"angle": 150.0}, "angles"), ({"bond": 1.5}, "distances"), ({"wave": 3000.0}, "vibrations")],
)
def test_what_has_nothing_in_common_is_one(changes, subset):
    reference = water(seed=1)
    table = found(water(seed=2, **changes), reference, reference_nve=reference)
    error = table["distribution_error", subset]
    assert error["value"] > (0.95 if subset != "distances" else 0.6) and error["ci_high"] <= 1
    others = {"angles", "vibrations"} - {subset}
    assert all(table["distribution_error", other]["value"] < 0.2 for other in others)


def test_without_a_reference_in_motion_vibrations_are_unknown():
    table = found(water(), water(seed=1))
    vibrations = table["distribution_error", "vibrations"]
    assert np.isnan(vibrations["value"]) and vibrations["note"] == "undefined: the reference is not simulated"


def test_an_atom_has_no_angle():
    pair = [
        Trajectory.of_structures(
            Structures.from_frames([([1, 1], np.array([[0, 0, 0], [x, 0, 0]])) for x in (0.7, 0.8, 0.9)]), 1.0
        )
    ] * 2
    angles = found(*pair)["distribution_error", "angles"]
    assert np.isnan(angles["value"]) and angles["note"] == "undefined: no bonds that share an atom"


@pytest.fixture
def files(tmp_path):
    atoms = molecule("H2O")
    answers = probe.probe(
        Pairs(morse, morse_slope), [atoms] * 2, [1, 8], PhysicsConfig(points=4), 4.0, {"H": 0.0}
    )
    curves.write(answers, tmp_path / "probes.parquet")
    water(seed=3).save(tmp_path / "run.npz")
    water(seed=4).save(tmp_path / "reference.npz")
    run, reference = (str(tmp_path / f"{name}.npz") for name in ("run", "reference"))
    simulated = {"NVE": run, "NVT": run, "reference_NVE": reference, "reference_NVT": reference}
    return {"probes": str(tmp_path / "probes.parquet"), "dataset": "not read"} | simulated


def test_the_table_of_files_is_tidy_and_the_same_twice(files):
    labels = {"model": "toy", "dataset": "hand", "seed": 0}
    settings = {"temperature": 300, "resolution": 50.0}
    table = rows.table_of_files(files, dynamics=settings, **labels)
    pd.testing.assert_frame_equal(table, rows.table_of_files(files, dynamics=settings, **labels))
    assert not table["unit"].eq("").any() and table["n"].notna().all()
    assert (table["value"].notna() | table["note"].str.startswith("undefined: ")).all()
    value = table.set_index(["metric", "subset"])["value"]
    assert value["gradient_error_largest", "random directions"] < 0.05
    assert value["diatomic_force_flips", "all pairs"] == 1
    without = rows.table_of_files(files, dynamics=None, **labels)
    assert not without["metric"].str.startswith("distribution").any() and len(without) < len(table)
