"""Failures that are made on purpose, and found where they are."""

import ase
import numpy as np
import pytest
from ase.build import molecule
from wells import trajectory

from tutti.dynamics.analysis import stability
from tutti.dynamics.analysis.radial_distribution import Grid, partial_distributions
from tutti.dynamics.analysis.stability import Stability


def test_bonds_of_molecules():
    ethanol = molecule("CH3CH2OH")
    pairs = stability.bonds(ethanol)
    names = sorted("".join(sorted(ethanol.symbols[list(pair)])) for pair in pairs)
    assert names == ["CC", "CH", "CH", "CH", "CH", "CH", "CO", "HO"]
    assert len(stability.bonds(ase.Atoms("He2", [[0, 0, 0], [3, 0, 0]]))) == 0


def stretched(lengths, **fields):
    positions = np.zeros((len(lengths), 3, 3))
    positions[:, 1, 0] = 1.0
    positions[:, 2, 0] = 1.0 + np.asarray(lengths)
    return trajectory(positions, interval=5.0, **fields)


PAIRS, LENGTHS = np.array([[0, 1], [1, 2]]), np.array([1.0, 1.0])


@pytest.mark.parametrize("broken", [1.51, 0.49])
def test_a_bond_breaks(broken):
    found = stability.molecule(stretched([1, 1.49, 0.51, broken, 1, 1]), PAIRS, LENGTHS)
    assert found == Stability(15.0, "a bond is off by over 0.5 Å")


def test_no_bond_breaks():
    assert stability.molecule(stretched([1, 1.49, 0.51]), PAIRS, LENGTHS) == Stability(10.0, "")
    exploded = stretched([1, 1.2], failure="hotter than 3 K", failure_time=9.0)
    assert stability.molecule(exploded, PAIRS, LENGTHS) == Stability(9.0, "hotter than 3 K")


def test_a_bead_that_leaves_counts():
    positions = np.zeros((3, 2, 2, 3))
    positions[..., 1, 0] = 1
    positions[2, 1, 1, 0] = 1.6
    found = stability.molecule(trajectory(positions), np.array([[0, 1]]), np.ones(1))
    assert (found.time, bool(found.failure)) == (2.0, True)


def test_a_liquid_that_clusters():
    rng = np.random.default_rng(0)
    cell, grid = 10 * np.eye(3), Grid(5.0, 25)
    gas = rng.uniform(0, 10, size=(40, 60, 3))
    reference = {
        k: g.mean(axis=0) for k, g in partial_distributions(trajectory(gas, cell=cell), grid).items()
    }
    run = trajectory(gas, cell=cell, interval=100.0)  # windows of 10 frames
    assert stability.liquid(run, reference, grid) == Stability(3900.0, "")
    clustered = gas.copy()
    clustered[20:, :30] *= 0.2
    found = stability.liquid(trajectory(clustered, cell=cell, interval=100.0), reference, grid)
    assert found.time == 2000.0 and found.failure.startswith("g(r) of C-C is off by ")
    short = trajectory(gas[:4], cell=cell, interval=100.0, failure="hot", failure_time=350.0)
    assert stability.liquid(short, reference, grid) == Stability(350.0, "hot")


def test_table():
    stable = stability.table([Stability(300_000, "")], model="m", dataset="d", seed=0).iloc[0]
    assert (stable.value, stable.n, stable.unit) == (300, 1, "ps")
    assert stable.note == "no failure within 300 ps" and np.isnan(stable.ci_low)
    some = [Stability(100_000, "hot"), Stability(300_000, ""), Stability(200_000, "hot")]
    mixed = stability.table(some, model="m", dataset="d", seed=0).iloc[0]
    assert mixed.value == 200
    assert mixed.note == "no failure within 300 ps in the others; 2 of 3 runs failed; hot"
    assert 0 <= mixed.ci_low < 200 < mixed.ci_high <= 300
    failed = stability.table([Stability(5_000, "hot")], model="m", dataset="d", seed=0).iloc[0]
    assert (failed.value, failed.note) == (5, "hot")
