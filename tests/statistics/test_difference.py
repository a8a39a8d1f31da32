"""Intervals of differences against published ones and by how often they hold the truth."""

import numpy as np
import pytest
from scipy.stats import norm

from tutti.statistics.difference import difference
from tutti.statistics.wilson import wilson


def of_counts(k, n):
    return np.array([k / n, *wilson(k, n)])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((48, 80), (56, 70), (0.2000, 0.0524, 0.3339)),
        ((3, 10), (9, 10), (0.6000, 0.1705, 0.8090)),
        ((2, 7), (6, 7), (0.5714, 0.0582, 0.8062)),
        ((0, 29), (5, 56), (0.0893, -0.0381, 0.1926)),
        ((0, 20), (0, 10), (0.0, -0.1611, 0.2775)),
        ((0, 10), (10, 10), (1.0, 0.6075, 1.0)),
    ],
)
def test_published_examples(first, second, expected):
    """Newcombe, Stat. Med. 17, 873 (1998), table II, method 10."""
    found = difference(of_counts(*first), of_counts(*second))
    assert found == pytest.approx(expected, abs=5e-5)


def test_symmetric_intervals_add_in_quadrature():
    found = difference(np.array([1.0, 0.7, 1.3]), np.array([3.0, 2.6, 3.4]))
    assert found == pytest.approx([2.0, 1.5, 2.5])


def test_the_order_turns_the_sign_only():
    first, second = of_counts(3, 10), of_counts(45, 50)
    there, back = difference(first, second), difference(second, first)
    assert back == pytest.approx([-there[0], -there[2], -there[1]])


@pytest.mark.parametrize("shares", [(0.9, 0.85), (0.5, 0.5), (0.98, 0.9)])
def test_95_of_100_intervals_of_shares_hold_the_truth(shares):
    rng = np.random.default_rng(0)
    sizes = np.array([500, 200])
    counts = rng.binomial(sizes, shares, size=(4000, 2))
    known = [np.array([of_counts(k, n) for k in range(n + 1)]) for n in sizes]
    found = difference(known[0][counts[:, 0]], known[1][counts[:, 1]])
    truth = shares[1] - shares[0]
    coverage = np.mean((found[:, 1] <= truth) & (truth <= found[:, 2]))
    assert coverage == pytest.approx(0.95, abs=0.015)


def test_95_of_100_intervals_of_skewed_numbers_hold_the_truth():
    """Geometric means, whose intervals are symmetric in the logarithm."""
    rng = np.random.default_rng(1)
    logs = np.array([0.0, 0.5]) + 0.3 * rng.standard_normal((20_000, 2))
    half = norm.ppf(0.975) * 0.3
    ends = np.exp(np.stack([logs, logs - half, logs + half], axis=-1))
    found = difference(ends[:, 0], ends[:, 1])
    truth = np.exp(0.5) - 1
    coverage = np.mean((found[:, 1] <= truth) & (truth <= found[:, 2]))
    assert coverage == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("without", [(0.5, np.nan, np.nan), (0.5, 0.6, 0.7), (0.5, 0.1, 0.4)])
def test_no_interval_or_one_beside_its_value_gives_none(without):
    with_one = np.array([0.8, 0.7, 0.9])
    for pair in ((without, with_one), (with_one, without)):
        value, low, high = difference(*map(np.array, pair))
        assert abs(value) == pytest.approx(0.3) and np.isnan([low, high]).all()
