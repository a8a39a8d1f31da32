import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tutti.models.generators.flow_matching.alignment import align


def pair(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Centred noise and positions of a molecule of `n` atoms."""
    drawn = np.random.default_rng(seed).normal(size=(2, n, 3))
    return tuple(drawn - drawn.mean(axis=1, keepdims=True))


def after_turning(noise: np.ndarray, positions: np.ndarray) -> float:
    """Squared distance after the best rotation, or the best rotation of the mirror image, by SciPy."""
    turns = (Rotation.align_vectors(positions, sign * noise)[1] for sign in (1, -1))
    return min(turns) ** 2


def squared(noise: np.ndarray, positions: np.ndarray) -> float:
    return float(((noise - positions) ** 2).sum())


@pytest.mark.parametrize("n", [2, 4, 5])
def test_no_other_order_and_no_other_orientation_is_closer(n):
    """No permutation and no turn of what is found is closer, and little is lost to the best of both."""
    costs = []
    for seed in range(30):
        noise, positions = pair(n, seed)
        found = align(noise, positions, np.array([n]))
        reached = squared(found, positions)
        orders = list(itertools.permutations(range(n)))
        assert reached <= min(squared(found[list(order)], positions) for order in orders) + 1e-12
        assert reached == pytest.approx(after_turning(found, positions), abs=1e-6)
        lowest = min(after_turning(noise[list(order)], positions) for order in orders)
        assert reached > lowest - 1e-6
        costs.append((squared(noise, positions), reached, lowest))
    before, after, least = np.mean(costs, axis=0)
    assert after - least < 0.2 * (before - least)


def test_it_is_the_same_noise():
    """Distances between its atoms are those of before, in another order."""
    noise, positions = pair(5, 0)
    found = align(noise, positions, np.array([5]))
    before, after = (v @ v.T for v in (noise, found))
    orders = map(list, itertools.permutations(range(5)))
    assert min(np.abs(before[np.ix_(order, order)] - after).max() for order in orders) < 1e-12


def test_an_optimum_but_for_order_and_orientation_is_found():
    """A molecule in another order, slightly turned and reflected, comes back exactly."""
    positions = np.array([[1.0, 0, 0], [0, 2, 0], [0, 0, 3], [-1, -2, -3]])
    turn = -Rotation.from_rotvec([0.1, -0.2, 0.15]).as_matrix()
    noise = -(positions @ turn.T)[[2, 0, 3, 1]]
    np.testing.assert_allclose(align(noise, positions, np.array([4])), positions, atol=1e-12)


def test_a_batch_equals_its_molecules_and_one_that_is_not_finite_harms_none():
    sizes = np.array([4, 1, 5, 3])
    pairs = [pair(n, seed) for seed, n in enumerate(sizes)]
    pairs[0][1][2, 1] = np.nan
    noise, positions = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    found = np.split(align(noise, positions, sizes), np.cumsum(sizes)[:-1])
    np.testing.assert_array_equal(found[0], pairs[0][0])
    for k in (1, 2, 3):
        np.testing.assert_allclose(found[k], align(*pairs[k], sizes[[k]]), rtol=0, atol=1e-12)


def test_mirror_images_are_as_close():
    noise, positions = pair(6, 3)
    found = align(noise, positions, np.array([6]))
    np.testing.assert_allclose(align(-noise, -positions, np.array([6])), -found, atol=1e-12)
    assert squared(found, positions) < 0.5 * squared(noise, positions)
