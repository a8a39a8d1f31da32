"""Failures that are made on purpose, and found where they are."""

import ase
import numpy as np
import pytest
from ase.build import molecule
from wells import trajectory

from tutti.simulation.analysis import stability
from tutti.simulation.analysis.radial_distribution import Grid, partial_distributions
from tutti.simulation.analysis.stability import Stability


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


CELL, GRID = 10 * np.eye(3), Grid(5.0, 25)
GAS = np.random.default_rng(0).uniform(0, 10, size=(40, 60, 3))


def liquid(positions, **fields):
    """Stability beside that of an ideal gas, in windows of 10 frames."""
    g = partial_distributions(trajectory(GAS, cell=CELL), GRID)
    reference = {pair: curves.mean(axis=0) for pair, curves in g.items()}
    return stability.liquid(trajectory(positions, cell=CELL, interval=100.0, **fields), reference, GRID)


def clustered(frames):
    """The gas, half of whose atoms come together in some of the frames."""
    positions = GAS.copy()
    positions[frames, :30] *= 0.2
    return positions


def test_a_liquid_that_clusters():
    assert liquid(GAS) == Stability(3900.0, "")
    found = liquid(clustered(slice(20, None)))
    assert found.time == 2000.0 and found.failure.startswith("g(r) of C-C is off by ")
    assert found.remark == ""


@pytest.mark.parametrize("n_frames", [1, 4, 9])
def test_a_run_shorter_than_the_window_is_judged_over_what_there_is(n_frames):
    remark = f"g(r) over {0.1 * (n_frames - 1):g} ps only"
    end = 100.0 * n_frames
    short = liquid(GAS[:n_frames], failure="hot", failure_time=end)
    assert short == Stability(end, "hot", remark)
    found = liquid(clustered(slice(None))[:n_frames])
    assert found.time == 0 and found.failure.startswith("g(r) of C-C is off by ")
    assert found.remark == remark
    note = stability.table([found, short], model="m", dataset="d", seed=0)["note"].item()
    assert note == f"2 of 2 runs failed; {found.failure}; hot; {remark}"


def test_a_run_without_frames_is_not_judged():
    assert liquid(GAS[:0], failure="hot", failure_time=5.0) == Stability(5.0, "hot")


@pytest.mark.parametrize(("n_frames", "time"), [(30, 2000), (31, 2000), (35, 2500), (39, 2900)])
def test_the_last_frames_are_looked_at(n_frames, time):
    """The last window is a whole one: it ends with the last frame, wherever the one before ended."""
    found = liquid(clustered(slice(n_frames - 5, None))[:n_frames])
    assert found.time == time and found.failure.startswith("g(r) of C-C is off by ")


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
