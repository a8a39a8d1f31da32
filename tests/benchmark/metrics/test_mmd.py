"""MMD² by blocks and on a grid, against closed forms and direct double sums."""

import numpy as np
import pytest
from mmd_references import direct, gaussian_mmd_squared
from scipy.stats import norm, wasserstein_distance

from tutti.benchmark.metrics import mmd_binned
from tutti.benchmark.metrics.mmd import kernel_deficit, mmd_squared, mmd_squared_of_parts, pooled
from tutti.benchmark.metrics.mmd_binned import Grid, kernel_error
from tutti.statistics.observations import Observations


def contrast(n, m):
    return np.repeat([1 / n, -1 / m], [n, m])[:, None]


def by_blocks(x, y):
    return mmd_squared(np.concatenate([x, y]), contrast(len(x), len(y)))[0]


def on_grid(x, y):
    values = np.concatenate([x, y])
    grid = Grid.of(Observations(values, np.arange(len(values)), len(values)))
    return grid.mmd_squared(grid.binned(contrast(len(x), len(y))))[0]


def test_kernel_is_the_papers():
    """30 kernels, γ from 1e-3 to 1e3 in equal ratios; far apart nothing is left of any of them."""
    distances = np.array([0, 1e-9, 0.02, 0.7, 3.0, 1e4])
    expected = [
        sum(1 - np.exp(-(10 ** (-3 + 6 * i / 29)) * d**2) for i in range(30)) for d in distances.tolist()
    ]
    np.testing.assert_allclose(kernel_deficit(distances**2), expected, atol=1e-12)
    assert kernel_deficit(np.array(1e12)) == 30


@pytest.mark.parametrize(("shift", "a", "b"), [(0.1, 0.03, 0.05), (0.0, 0.02, 0.04), (1.0, 0.5, 0.3)])
def test_gaussians_in_one_dimension(shift, a, b):
    """Quantiles stand for the distribution, so that nothing is random here."""
    quantiles = norm.ppf((np.arange(20_000) + 0.5) / 20_000)[:, None]
    expected = gaussian_mmd_squared(shift, a, b, 1)
    assert on_grid(a * quantiles, shift + b * quantiles) == pytest.approx(expected, rel=5e-4)


def test_gaussians_in_fifteen_dimensions():
    generator = np.random.default_rng(1)
    x, y = generator.normal(0, 0.3, (2000, 15)), generator.normal(0, 0.4, (1500, 15))
    y[:, 0] += 0.5
    expected = gaussian_mmd_squared(0.5, 0.3, 0.4, 15, 2000, 1500)
    assert by_blocks(x, y) == pytest.approx(expected, rel=0.03)


def test_null_in_fifteen_dimensions():
    """Two sets of one distribution: only the pairs of points with themselves remain."""
    generator = np.random.default_rng(2)
    values = [by_blocks(*generator.normal(0, 0.3, (2, 500, 15))) for _ in range(20)]
    assert np.mean(values) == pytest.approx(gaussian_mmd_squared(0, 0.3, 0.3, 15, 500, 500), rel=0.01)


FIFTEEN = {
    "same": lambda g: (g.normal(size=(700, 15)), g.normal(size=(900, 15))),
    "narrow": lambda g: (7 + 1e-4 * g.normal(size=(700, 15)), 7 + 1e-4 * g.normal(size=(900, 15))),
    "far": lambda g: (100 * g.standard_cauchy((300, 15)), 1e3 * g.normal(size=(600, 15))),
    "few": lambda g: (g.normal(size=(2, 15)), g.normal(size=(3, 15))),
    "discrete": lambda g: (g.integers(0, 2, (700, 15)) * 0.5, g.integers(0, 3, (400, 15)) * 0.5),
}


@pytest.mark.parametrize("name", FIFTEEN)
def test_blocks_against_the_double_sum(name):
    x, y = FIFTEEN[name](np.random.default_rng(3))
    assert by_blocks(x, y) == pytest.approx(direct(x, y), rel=1e-4)


@pytest.mark.parametrize("noise", [1e-2, 1e-3, 1e-5])
def test_blocks_on_nearly_identical_points(noise):
    generator = np.random.default_rng(4)
    x = generator.normal(size=(700, 15))
    y = x + noise * generator.normal(size=x.shape)
    assert by_blocks(x, y) == pytest.approx(direct(x, y), rel=1e-4)


ONE = {
    "same": lambda g: (g.normal(1.1, 0.01, (700, 1)), g.normal(1.1, 0.01, (900, 1))),
    "wide": lambda g: (g.normal(1.1, 0.05, (700, 1)), g.normal(1.12, 0.06, (900, 1))),
    "narrow": lambda g: (g.normal(1.1, 2e-5, (700, 1)), g.normal(1.1, 2e-5, (900, 1))),
    "bimodal": lambda g: (g.normal(1.1, 0.01, (700, 1)), g.choice([1.1, 1.2], (900, 1))),
    "outlier": lambda g: (
        np.append(g.normal(1.1, 0.01, (700, 1)), [[9.0]], axis=0),
        g.normal(1, 0.1, (500, 1)),
    ),
    "two points": lambda g: (g.normal(1.1, 0.01, (2, 1)), g.normal(1.1, 0.01, (2, 1))),
}


@pytest.mark.parametrize("name", ONE)
def test_grid_against_the_double_sum(name):
    x, y = ONE[name](np.random.default_rng(5))
    assert on_grid(x, y) == pytest.approx(direct(x, y), rel=1e-4)


@pytest.mark.parametrize("noise", [1e-2, 1e-3, 1e-4])
def test_grid_on_nearly_identical_points(noise):
    generator = np.random.default_rng(6)
    x = generator.normal(1.1, 0.02, (700, 1))
    y = x + noise * generator.normal(size=x.shape)
    assert on_grid(x, y) == pytest.approx(direct(x, y), rel=1e-4)


def test_a_wide_range_has_wider_bins():
    """The size of the grid is bounded, and the error with it."""
    generator = np.random.default_rng(7)
    x, y = generator.normal(1.1, 0.3, (500, 1)), generator.normal(1.2, 0.3, (500, 1))
    x[0] = 500
    values = np.concatenate([x, y])
    grid = Grid.of(Observations(values, np.arange(1000), 1000))
    assert grid.width > mmd_binned.BIN
    assert grid.shares.shape[1] <= mmd_binned.MAX_BINS + 2
    assert abs(on_grid(x, y) - direct(x, y)) < 4 * kernel_error(grid.width)


def test_points_all_equal():
    assert on_grid(np.full((5, 1), 1.1), np.full((3, 1), 1.1)) == pytest.approx(0, abs=1e-12)
    assert by_blocks(np.full((5, 15), 1.1), np.full((3, 15), 1.1)) == pytest.approx(0, abs=1e-12)


def test_identical_sets():
    generator = np.random.default_rng(8)
    line, space = generator.normal(1.1, 0.02, (700, 1)), generator.normal(size=(700, 15))
    assert on_grid(line, line[::-1]) == pytest.approx(0, abs=1e-12)
    assert by_blocks(space, space[::-1]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("n", "m"), [(700, 900), (1, 600), (513, 1), (256, 512)])
def test_parts_are_those_of_the_whole(n, m):
    generator = np.random.default_rng(8)
    points = generator.normal(size=(n + m, 15))
    ours, both = generator.random((n, 3)), generator.normal(size=(n + m, 4))
    theirs = generator.normal(size=(m, 2))
    ours /= ours.sum(axis=0)
    both, theirs = both - both.mean(axis=0), theirs - theirs.mean(axis=0)
    whole = np.zeros((n + m, 9))
    whole[:n, :3], whole[n:, :3], whole[:, 3:7], whole[n:, 7:] = ours, -1 / m, both, theirs
    found = mmd_squared_of_parts(points, ours, both, theirs)
    np.testing.assert_allclose(found, mmd_squared(points, whole), rtol=1e-10, atol=1e-12)


def test_columns_are_independent():
    """Many comparisons at once, one of them undefined, are as good as one by one."""
    generator = np.random.default_rng(9)
    points, weights = generator.normal(size=(1100, 15)), generator.normal(size=(1100, 5))
    weights -= weights.mean(axis=0)
    weights[:, 2] = np.nan
    together = mmd_squared(points, weights)
    alone = [mmd_squared(points, weights[:, [column]])[0] for column in range(5)]
    assert np.isnan(together[2])
    np.testing.assert_allclose(together, alone, rtol=1e-10)


def test_grid_weighs_whole_molecules():
    """Weights of molecules on the grid are weights of their points."""
    generator = np.random.default_rng(10)
    counts = np.array([3, 0, 1, 4, 2])
    molecule = np.repeat(np.arange(5), counts)
    values, weights = generator.normal(1.1, 0.02, (10, 1)), generator.normal(size=(5, 3))
    weights -= counts @ weights / counts.sum()
    grid = Grid.of(Observations(values, molecule, 5))
    binned = grid.mmd_squared(grid.binned(weights))
    np.testing.assert_allclose(binned, mmd_squared(values, weights[molecule]), rtol=1e-4)


@pytest.mark.parametrize(("shift", "width"), [(0.02, 5e-5), (1e-4, 5e-5), (0.0, 5e-5), (0.3, 5e-4)])
def test_wasserstein_distance_on_the_grid(shift, width):
    """Far within a bin of the exact one, also of unequal numbers, where the distributions cross."""
    generator = np.random.default_rng(11)
    x, y = generator.normal(1.1, 0.02, 700), generator.normal(1.1 + shift, 0.03, 300)
    values = np.concatenate([x, y])[:, None]
    grid = Grid.of(Observations(values, np.arange(1000), 1000), width)
    found = grid.wasserstein(grid.binned(contrast(700, 300)))[0]
    assert found == pytest.approx(wasserstein_distance(x, y), abs=0.02 * width)


def test_a_shift_is_as_long_as_it_is():
    values = np.random.default_rng(12).normal(1.1, 0.02, (50, 1))
    pool = Observations(np.concatenate([values, values + 0.0123]), np.arange(100), 100)
    grid = Grid.of(pool)
    assert grid.wasserstein(grid.binned(contrast(50, 50)))[0] == pytest.approx(0.0123, rel=1e-9)


def test_pooled():
    a = Observations(np.array([[1.0], [2.0]]), np.array([0, 2]), 4)
    b = Observations(np.array([[3.0]]), np.array([1]), 2)
    pool = pooled(a, b)
    assert pool.values.ravel().tolist() == [1, 2, 3]
    assert pool.molecule.tolist() == [0, 2, 5]
    assert pool.n_molecules == 6
