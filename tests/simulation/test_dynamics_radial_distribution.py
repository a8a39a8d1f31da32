"""Distances between atoms against brute force and ideal gases."""

import ase
import numpy as np
import pytest
from ase.geometry import get_distances
from wells import trajectory

from tutti import io
from tutti.simulation.analysis.radial_distribution import (
    ALL,
    Grid,
    common_grid,
    distributions,
    half_height,
    pair_distances,
    pair_distribution,
    partial_distributions,
    table,
)
from tutti.simulation.trajectory import Trajectory

TRICLINIC = np.array([[9.0, 0, 0], [3.0, 8.0, 0], [-2.0, 1.0, 7.0]])


def test_nearest_images_of_a_skewed_cell():
    rng = np.random.default_rng(0)
    positions = rng.normal(scale=30, size=(3, 12, 3))  # several cells away
    first, second = np.triu_indices(12, 1)
    found = pair_distances(trajectory(positions, cell=TRICLINIC), first, second)
    limit = half_height(TRICLINIC, np.ones(3, bool))
    for frame, distances in zip(positions, found, strict=True):
        _, exact = get_distances(frame, cell=TRICLINIC, pbc=True)
        exact = exact[first, second]
        assert (distances[exact >= limit] >= limit).all()
        np.testing.assert_allclose(distances[exact < limit], exact[exact < limit], atol=1e-10)


def test_half_height():
    assert half_height(np.diag([4.0, 6, 8]), np.ones(3, bool)) == pytest.approx(2)
    assert half_height(np.diag([4.0, 6, 8]), np.array([False, True, True])) == pytest.approx(3)
    volume = ase.Atoms(cell=TRICLINIC).get_volume()
    areas = [np.linalg.norm(np.cross(TRICLINIC[i], TRICLINIC[j])) for i, j in ((0, 1), (1, 2), (2, 0))]
    assert half_height(TRICLINIC, np.ones(3, bool)) == pytest.approx(volume / max(areas) / 2)
    with pytest.raises(ValueError, match="volume"):
        half_height(np.zeros((3, 3)), np.ones(3, bool))


def test_an_ideal_gas_has_no_structure():
    rng = np.random.default_rng(1)
    fractional = rng.uniform(-2, 3, size=(400, 40, 3))
    numbers = [8] * 15 + [1] * 25
    gas = trajectory(fractional @ TRICLINIC, cell=TRICLINIC, numbers=numbers)
    found = partial_distributions(gas, Grid(half_height(TRICLINIC, gas.pbc), 10))
    assert list(found) == ["H-H", "H-O", "O-O"]
    for curves in found.values():
        error = curves[:, 3:].std(axis=0) / 20
        assert (np.abs(curves.mean(axis=0)[3:] - 1) < 5 * error).all()
        assert error.max() < 0.06


def test_counts_of_a_crystal():
    """Each of simple cubic's atoms has 6 neighbours at a and 12 at √2 a."""
    places = np.stack(np.meshgrid(*[np.arange(4.0)] * 3), axis=-1).reshape(-1, 3) * 2
    crystal = trajectory(places[None], cell=8 * np.eye(3))
    grid = Grid(4.0, 40)
    curve = partial_distributions(crystal, grid)["C-C"][0]
    shells = 4 / 3 * np.pi * np.diff(grid.edges**3)
    neighbours = curve * shells * 63 / 8**3  # others per volume
    assert neighbours[np.searchsorted(grid.edges, 2.0, side="right") - 1] == pytest.approx(6)
    assert neighbours[np.searchsorted(grid.edges, 8**0.5) - 1] == pytest.approx(12)
    assert neighbours.sum() == pytest.approx(6 + 12 + 8)  # and 8 at √3 a


def test_distances_of_a_molecule():
    rng = np.random.default_rng(2)
    positions = rng.normal(size=(7, 5, 3))
    grid = Grid(10.0, 200)
    found = pair_distribution(trajectory(positions), grid)
    for frame, curve in zip(positions, found, strict=True):
        distances = [np.linalg.norm(frame[i] - frame[j]) for i in range(5) for j in range(i)]
        np.testing.assert_allclose(curve, np.histogram(distances, grid.edges, density=True)[0])
    np.testing.assert_allclose(found.sum(axis=1) * grid.width, 1)
    beads = trajectory(np.stack([positions, positions[::-1]], axis=1))
    np.testing.assert_allclose(pair_distribution(beads, grid), (found + found[::-1]) / 2)


def test_chunks_change_nothing(monkeypatch):
    gas = trajectory(np.random.default_rng(0).uniform(0, 9, size=(9, 6, 3)))
    whole = pair_distribution(gas, Grid(5, 10))
    monkeypatch.setattr("tutti.simulation.analysis.radial_distribution.CHUNK", 31)
    np.testing.assert_array_equal(pair_distribution(gas, Grid(5, 10)), whole)


def test_what_is_not_defined():
    gas = trajectory(np.zeros((1, 3, 3)), cell=TRICLINIC)
    with pytest.raises(ValueError, match=r"beyond 3\.5 Å"):
        partial_distributions(gas, Grid(4.0, 5))
    with pytest.raises(ValueError, match="periodic"):
        partial_distributions(trajectory(np.zeros((1, 3, 3))), Grid(4.0, 5))
    with pytest.raises(ValueError, match="two atoms"):
        pair_distribution(trajectory(np.zeros((1, 1, 3))), Grid(4.0, 5))
    with pytest.raises(ValueError, match="empty"):
        Grid(0, 5)


def test_common_grid():
    gas = trajectory(np.zeros((2, 3, 3)), cell=TRICLINIC)
    assert common_grid({"a": gas}, "a", 30).end == pytest.approx(half_height(TRICLINIC, gas.pbc))
    pair = trajectory([[[0, 0, 0], [0, 0, 2.0]], [[0, 0, 0], [0, 0, 1.0]]])
    assert common_grid({"a": pair, "b": gas}, "a", 30) == Grid(1.2 * 2.0, 30)


def vibrating(n_frames, mean, rng):
    """Two atoms at normally distributed distances of standard deviation 0.1 Å."""
    positions = np.zeros((n_frames, 2, 3))
    positions[:, 1, 0] = rng.normal(mean, 0.1, n_frames)
    return trajectory(positions)


def test_error_of_shifted_distances():
    """∫ |N(μ, σ) - N(μ + d, σ)| dx = 2 erf(d / (σ √8))."""
    from scipy.special import erf

    rng = np.random.default_rng(3)
    grid = Grid(4.0, 80)
    run, reference = vibrating(4000, 2.05, rng), vibrating(4000, 2.0, rng)
    rows = table(run, reference, grid, model="m", dataset="d", seed=0).set_index("metric")
    error = rows.loc["radial_distribution_error"]
    exact = 2 * erf(0.05 / 0.1 / np.sqrt(8))
    assert error.value == pytest.approx(exact, abs=0.05)
    assert error.ci_low < exact < error.ci_high < error.ci_low + 0.2
    assert (error.subset, error.unit, error.n) == (ALL, "dimensionless", 4000)
    floor = rows.loc["radial_distribution_error_floor"]
    same = table(vibrating(4000, 2.0, rng), reference, grid, model="m", dataset="d", seed=0)
    assert same["value"][0] == pytest.approx(floor.value, rel=0.4)
    assert floor.value < 0.2 * error.value


def test_table_of_a_liquid_and_of_failures():
    rng = np.random.default_rng(4)
    gas = trajectory(rng.uniform(0, 10, size=(20, 10, 3)), cell=10 * np.eye(3), numbers=[8] * 4 + [1] * 6)
    grid = Grid(5.0, 10)
    rows = table(gas, gas, grid, model="m", dataset="d", seed=0)
    assert rows["subset"].tolist() == ["H-H", "H-H", "H-O", "H-O", "O-O", "O-O"]
    assert set(rows["unit"]) == {"Å"}
    assert rows["value"][::2].tolist() == [0, 0, 0]
    one = table(gas[:1], gas[:1], grid, model="m", dataset="d", seed=0)
    assert one["value"][0] == 0 and np.isnan(one["ci_low"][0])
    assert one["note"][1] == "undefined: too few frames; up to 5 Å"
    assert list(distributions(gas, grid)) == ["H-H", "H-O", "O-O"]
    failed = trajectory(gas.positions[:0], cell=gas.cell, numbers=gas.numbers, failure="hot", failure_time=9)
    none = table(failed, gas, grid, model="m", dataset="d", seed=0)
    assert none["value"].isna().all()
    assert none["note"][0] == "undefined: too few frames; up to 5 Å; failed after 0.009 ps (hot)"
    with pytest.raises(ValueError, match="different atoms"):
        table(trajectory(np.zeros((1, 2, 3))), gas, grid, model="m", dataset="d", seed=0)


def test_real_water(shared_data):
    """Frames of 16 molecules of water, some atoms outside their cell: two hydrogens at each oxygen."""
    frames = io.read(shared_data / "water_rpbe_d3.input.data")
    water = Trajectory.of_structures(frames[frames.n_atoms == 48], 1.0)
    assert len(water) > 5 and (water.positions < 0).any()
    grid = Grid(half_height(water.cell, water.pbc), 78)
    found = {pair: curves.mean(axis=0) for pair, curves in partial_distributions(water, grid).items()}
    shells = 4 / 3 * np.pi * np.diff(grid.edges**3) * 32 / abs(np.linalg.det(water.cell))
    assert np.sum((shells * found["H-O"])[grid.centres < 1.3]) == pytest.approx(2, abs=1e-6)
    assert 0.92 < grid.centres[found["H-O"].argmax()] < 1.03
    assert found["O-O"][grid.centres < 2.2].max() == 0
    assert 2.6 < grid.centres[found["O-O"].argmax()] < 3.0
