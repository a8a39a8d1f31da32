"""Both protocols of the MMD against closed forms, and what must hold of every comparison."""

import numpy as np
import pytest
from mmd_references import direct, gaussian_mmd_squared, observed, single
from scipy.stats import kstest, norm

from tutti.benchmark.metrics import mmd_protocols
from tutti.benchmark.metrics.mmd_protocols import capped, full, paper, paper_floor, paper_replicates
from tutti.statistics.bootstrap import percentile_interval
from tutti.statistics.observations import Observations


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
    floors = np.concatenate([paper_floor(x, 15_000, "key", i) for i in range(5)])
    assert (floors**2).mean() == pytest.approx(floor, rel=0.2)


def test_paper_protocol_against_the_double_sum():
    """One point a side leaves no choice to the draws."""
    x, y = np.full((1, 1), 1.1), np.full((1, 1), 1.2)
    np.testing.assert_allclose(paper(single(x), single(y), "key", 0) ** 2, direct(x, y), rtol=1e-4)
    x, y = np.zeros((1, 15)), np.full((1, 15), 0.1)
    np.testing.assert_allclose(paper(single(x), single(y), "key", 0) ** 2, direct(x, y), rtol=1e-4)


@pytest.mark.parametrize("n", [60, 1000])
def test_paper_floor_is_the_paper_value_of_new_molecules(n):
    """At any number of molecules: few repeat in the batches and lie further apart."""
    g = np.random.default_rng(11)
    reference = observed(g, 8000)
    values, floors = [], []
    for i in range(15):
        samples = observed(g, n)
        values.append(paper(samples, reference, "key", i).mean())
        floors.append(paper_floor(reference, len(np.unique(samples.molecule)), "key", i).mean())
    assert np.mean(values) == pytest.approx(np.mean(floors), rel=0.15)


@pytest.mark.parametrize("n", [100, 4000])
def test_the_papers_interval_covers_the_value_of_many_molecules(n):
    """Of a shifted distribution: with few molecules these are what changes, with many the mini-batches."""
    g = np.random.default_rng(12)
    reference, small = (observed(g, size, common=0.01) for size in (20_000, 1000))
    many = observed(g, 20_000, mean=1.12, common=0.01)
    truth = np.mean([paper(many, reference, "key", i).mean() for i in range(10)])
    inside = 0
    for i in range(40):
        samples = observed(g, n, mean=1.12, common=0.01)
        draws = paper(samples, reference, "key", i)
        low, high = percentile_interval(paper_replicates(draws, full(samples, small, "key", i), "key", i))
        assert low < draws.mean() < high
        inside += low < truth < high
    assert inside >= 34


def test_parts_of_the_paper_floor_share_no_molecule():
    """A reference of two molecules, each with a number of its own: always as far apart as these."""
    values = np.repeat([[1.1], [1.2]], 50, axis=0)
    reference = Observations(values, np.repeat([0, 1], 50), 2)
    expected = direct(values[:1], values[-1:]) ** 0.5
    np.testing.assert_allclose(paper_floor(reference, 9, "key", 0), expected, rtol=1e-4)
    assert len(paper_floor(single(values[:1]), 9, "key", 0)) == 0


def test_the_first_part_of_the_paper_floor_has_as_many_molecules_as_the_samples():
    reference = single(100 * np.arange(200.0).reshape(100, 2))  # so far apart that no two look alike
    for part in (1, 10):
        # Two draws from k points are the same draw, or else the same point: 1/1000 + 999/1000 k.
        same = sum(0.001 + 0.999 / k for k in (part, 100 - part))
        np.testing.assert_allclose(paper_floor(reference, part, "key", 0) ** 2, 30 * same, rtol=0.02)


def test_at_most_so_many_points(monkeypatch):
    """Whole molecules, in random order, as many as there is room for; the same ones for the same seed."""
    monkeypatch.setattr(mmd_protocols, "MAX_POINTS", 50)
    samples = observed(np.random.default_rng(9), 100, 2, 3)
    part = capped(samples, "samples", 0)
    counts = np.bincount(samples.molecule, minlength=100)
    kept = np.unique(part.molecule)
    assert 50 - counts.max() < len(part) <= 50
    assert part.n_molecules == 100
    np.testing.assert_array_equal(part.values, samples.values[np.isin(samples.molecule, kept)])
    np.testing.assert_array_equal(np.bincount(part.molecule, minlength=100)[kept], counts[kept])
    np.testing.assert_array_equal(part.values, capped(samples, "samples", 0).values)
    assert kept.tolist() != np.unique(capped(samples, "samples", 1).molecule).tolist()
    line = single(samples.values[:, :1])
    assert capped(line, "samples", 0) is line
