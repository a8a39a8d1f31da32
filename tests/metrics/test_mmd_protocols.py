"""Both protocols of the MMD against closed forms, and what must hold of every comparison."""

import numpy as np
import pytest
from mmd_references import direct, gaussian_mmd_squared, observed, single
from scipy.stats import kstest, norm

from tutti.metrics import mmd_protocols
from tutti.metrics.mmd_protocols import full, paper, paper_floor
from tutti.metrics.observations import Observations


@pytest.mark.parametrize("d", [1, 15])
def test_identical_sets(d):
    same = observed(np.random.default_rng(2), 60, d)
    result = full(same, same, "key", 0)
    assert result.estimate == pytest.approx(0, abs=1e-12)
    assert result.p_value == 1


@pytest.mark.parametrize(("d", "n", "m"), [(1, 100, 900), (1, 500, 500), (15, 60, 500)])
def test_floor_is_what_two_samples_of_one_distribution_are_apart(d, n, m):
    """(1/n + 1/m) E κ, at the sizes that are compared even where the reference is too small to divide so."""
    g = np.random.default_rng(4)
    squared = np.mean(
        [
            (
                full(single(g.normal(0, 0.05, (n, d))), single(g.normal(0, 0.05, (m, d))), "key", i).floors
            ).mean()
            for i in range(4)
        ]
    )
    assert squared == pytest.approx(gaussian_mmd_squared(0, 0.05, 0.05, d, n, m), rel=0.15)


def test_floor_against_brute_force():
    """Halves of the reference, each pair of disjoint sets of molecules by the double sum."""
    g = np.random.default_rng(5)
    reference = observed(g, 120, 3, common=0.05)
    samples = single(g.normal(size=(60, 3)))
    molecules = np.unique(reference.molecule)
    values = []
    for _ in range(200):
        first = np.isin(reference.molecule, g.choice(molecules, len(molecules) // 2, replace=False))
        values.append(direct(reference.values[first], reference.values[~first]))
    design_scale = (1 / 60 + 1 / len(molecules)) / (
        1 / (len(molecules) // 2) + 1 / (len(molecules) - len(molecules) // 2)
    )
    floors = full(samples, reference, "key", 0).floors
    error = np.std(values) * design_scale / len(floors) ** 0.5
    assert floors.min() > 0
    assert floors.mean() == pytest.approx(np.mean(values) * design_scale, abs=4 * error)


def test_p_values_are_uniform_under_the_null():
    """Even where the observations of a molecule are alike; as if they were independent would fail."""
    g = np.random.default_rng(6)
    kinds = {"d": 3, "per_molecule": 3, "common": 0.05}
    values = [full(observed(g, 20, **kinds), observed(g, 30, **kinds), "key", i).p_value for i in range(120)]
    assert kstest(values, "uniform").pvalue > 0.01


def test_the_interval_covers_a_known_distance():
    """Population MMD² of two normal distributions, the reference without noise (quantiles).

    The bias of the estimate is small at this size.
    """
    g = np.random.default_rng(7)
    truth = gaussian_mmd_squared(0.03, 0.02, 0.02, 1)
    reference = single(0.02 * norm.ppf((np.arange(4000) + 0.5) / 4000)[:, None])
    inside = 0
    for i in range(40):
        result = full(single(g.normal(0.03, 0.02, (200, 1))), reference, "key", i)
        low, high = np.percentile(result.replicates, [2.5, 97.5])
        inside += low < truth < high
    assert 33 <= inside <= 40


@pytest.mark.parametrize("d", [1, 15])
def test_paper_protocol(d):
    """Means over ten batches of 1000: the expectation of a V-statistic of that size."""
    g = np.random.default_rng(8)
    x, y = single(g.normal(0, 0.05, (30_000, d))), single(g.normal(0, 0.06, (30_000, d)))
    draws = paper(x, y, "key", 0)
    assert draws.shape == (10,)
    assert len(set(draws)) == 10
    expected = gaussian_mmd_squared(0, 0.05, 0.06, d, 1000, 1000)
    assert (draws**2).mean() == pytest.approx(expected, rel=0.2)
    floor = gaussian_mmd_squared(0, 0.05, 0.05, d, 1000, 1000)
    assert (paper_floor(x, "key", 0) ** 2).mean() == pytest.approx(floor, rel=0.2)


def test_paper_protocol_against_the_double_sum():
    """One point a side leaves no choice to the draws."""
    x, y = np.full((1, 1), 1.1), np.full((1, 1), 1.2)
    np.testing.assert_allclose(paper(single(x), single(y), "key", 0) ** 2, direct(x, y), rtol=1e-4)
    x, y = np.zeros((1, 15)), np.full((1, 15), 0.1)
    np.testing.assert_allclose(paper(single(x), single(y), "key", 0) ** 2, direct(x, y), rtol=1e-4)


def test_halves_of_the_paper_floor_share_no_molecule():
    """A reference of two molecules, each with a number of its own: always as far apart as these."""
    values = np.repeat([[1.1], [1.2]], 50, axis=0)
    reference = Observations(values, np.repeat([0, 1], 50), 2)
    expected = direct(values[:1], values[-1:]) ** 0.5
    np.testing.assert_allclose(paper_floor(reference, "key", 0), expected, rtol=1e-4)


def test_at_most_so_many_points(monkeypatch):
    """Whole molecules, in random order, as many as there is room for; the same ones for the same seed."""
    monkeypatch.setattr(mmd_protocols, "MAX_POINTS", 50)
    g = np.random.default_rng(9)
    samples, reference = observed(g, 100, 2, 3), observed(g, 90, 2, 3)
    chosen = mmd_protocols._compared(samples, "samples", 0)
    counts = np.bincount(samples.molecule, minlength=100)
    assert 50 - counts.max() < counts[chosen].sum() <= 50
    assert chosen.tolist() == mmd_protocols._compared(samples, "samples", 0).tolist() == sorted(chosen)
    assert chosen.tolist() != mmd_protocols._compared(samples, "samples", 1).tolist()
    theirs = mmd_protocols._compared(reference, "reference with key", 4)
    ours = mmd_protocols._compared(samples, "samples with key", 4)
    expected = direct(
        samples.values[np.isin(samples.molecule, ours)], reference.values[np.isin(reference.molecule, theirs)]
    )
    assert full(samples, reference, "key", 4).estimate == pytest.approx(expected, rel=1e-4)
