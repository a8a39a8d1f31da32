"""Wilson intervals against the closed form and against published values."""

import math

import pytest
from scipy.stats import binomtest, norm

from tutti.statistics.wilson import wilson


def closed_form(k, n, confidence):
    z = norm.ppf(0.5 + confidence / 2)
    p = k / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return centre - half, centre + half


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
@pytest.mark.parametrize(
    ("k", "n"), [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (499, 500), (12_345, 100_000)]
)
def test_closed_form(k, n, confidence):
    assert wilson(k, n, confidence) == pytest.approx(closed_form(k, n, confidence), abs=1e-12)


def test_published_example():
    """81 of 263: Newcombe, Stat. Med. 17, 857 (1998), table I, method 3."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_nothing_counted_is_nan():
    assert all(math.isnan(end) for end in wilson(0, 0))


@pytest.mark.parametrize(("k", "n"), [(2, 1), (-1, 3), (1, 0)])
def test_impossible_counts(k, n):
    with pytest.raises(ValueError, match=r"must.* not"):
        wilson(k, n)


def test_the_same_numbers_as_scipy():
    """To the last digit: published tables keep theirs."""
    for n in (1, 7, 500, 10**6):
        for k in (0, 1, n // 3, n):
            ends = binomtest(k, n).proportion_ci(0.95, method="wilson")
            assert wilson(k, n) == (ends.low, ends.high)
