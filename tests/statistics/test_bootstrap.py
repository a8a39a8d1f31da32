"""Intervals, p-values and the design of resamples, permutations and null floors."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_array, eye_array

from tutti.statistics.bootstrap import (
    FLOOR_DRAWS,
    PERMUTATIONS,
    REPLICATES,
    Design,
    bootstrap,
    p_value,
    percentile_interval,
    shifted,
)

OBSERVED, RESAMPLES = slice(0, 1), slice(1, 1 + REPLICATES)
PERMUTED = slice(1 + REPLICATES, 1 + REPLICATES + PERMUTATIONS)
FLOORS = slice(1 + REPLICATES + PERMUTATIONS, None)


def design(n_samples=6, n_reference=20):
    multiplicity = bootstrap(n_samples, np.random.default_rng(0))
    return Design.of(multiplicity, n_reference, np.random.default_rng(1))


def multiplicities(made):
    """[C, S + T] of the first and of the second set."""
    each = eye_array(made.n_samples + made.n_reference, format="csr")
    return tuple(np.concatenate(sets) for sets in zip(*made.sums(each), strict=True))


def test_bootstrap_draws_as_many_as_there_are():
    counts = bootstrap(50, np.random.default_rng(0))
    assert counts.shape == (REPLICATES, 50)
    assert (counts.sum(axis=1) == 50).all()
    # Poisson in the limit: a share of (1 - 1/50)^50 of the molecules is not drawn.
    assert (counts == 0).mean() == pytest.approx(0.98**50, abs=0.01)
    assert bootstrap(0, np.random.default_rng(0)).shape == (REPLICATES, 0)


def test_shifted_replicates_have_the_estimate_as_mean():
    replicates = np.random.default_rng(0).gamma(9, size=500) + 10
    np.testing.assert_allclose(shifted(40, replicates).mean(), 40)
    low, high = percentile_interval(shifted(40, replicates))
    assert low < 40 < high
    np.testing.assert_allclose(high - low, np.subtract(*np.percentile(replicates, [97.5, 2.5])))


def test_shifted_replicates_are_not_negative():
    assert shifted(0.1, np.array([5.0, 6, 7, 8])).tolist() == [0, 0, 0.6, 1.6]


def test_undefined_replicates_are_left_out():
    replicates = np.array([1.0, math.nan, 3.0])
    np.testing.assert_array_equal(shifted(5, replicates), [4, math.nan, 6])
    assert percentile_interval(replicates) == percentile_interval(np.array([1.0, 3.0]))
    assert all(map(math.isnan, percentile_interval(shifted(5, np.full(3, math.nan)))))
    assert all(map(math.isnan, percentile_interval(np.empty(0))))


def test_p_value_counts_the_observed_labels():
    permuted = np.arange(199.0)
    assert p_value(1000, permuted) == 1 / 200
    assert p_value(-1, permuted) == 1
    assert p_value(100, permuted) == 100 / 200
    assert p_value(1e-15, np.zeros(199)) == 1  # a tie but for rounding


def test_observed_sets():
    first, second = multiplicities(design())
    assert first[OBSERVED].tolist() == [[1] * 6 + [0] * 20]
    assert second[OBSERVED].tolist() == [[0] * 6 + [1] * 20]


def test_resamples_leave_the_reference_alone():
    first, second = multiplicities(design())
    np.testing.assert_array_equal(first[RESAMPLES, :6], bootstrap(6, np.random.default_rng(0)))
    assert not first[RESAMPLES, 6:].any()
    assert (second[RESAMPLES] == second[0]).all()


def test_permutations_deal_out_the_pool():
    first, second = multiplicities(design())
    assert (first[PERMUTED].sum(axis=1) == 6).all()
    assert (first[PERMUTED] + second[PERMUTED] == 1).all()
    np.testing.assert_allclose(first[PERMUTED].mean(axis=0), 6 / 26, atol=0.12)
    assert len(np.unique(first[PERMUTED], axis=0)) > 190


@pytest.mark.parametrize(
    ("n_samples", "part", "extrapolated"), [(6, 6, False), (10, 10, False), (17, 10, True)]
)
def test_floors_divide_the_reference(n_samples, part, extrapolated):
    made = design(n_samples)
    first, second = multiplicities(made)
    assert len(first[FLOORS]) == FLOOR_DRAWS
    assert not first[FLOORS, :n_samples].any()
    assert not second[FLOORS, :n_samples].any()
    assert (first[FLOORS].sum(axis=1) == part).all()
    assert (first[FLOORS, n_samples:] + second[FLOORS, n_samples:] == 1).all()
    assert made.floor_scale == pytest.approx((1 / n_samples + 1 / 20) / (1 / part + 1 / (20 - part)))
    assert made.inference(np.ones(len(made))).extrapolated == extrapolated


def test_no_floor_from_one_molecule():
    made = design(6, 1)
    assert len(made) == 1 + REPLICATES + PERMUTATIONS
    assert len(made.inference(np.ones(len(made))).floors) == 0


def test_sums_are_those_of_the_molecules():
    made = design(6, 9)
    observed = np.random.default_rng(2).poisson(1.0, (15, 4))
    first, second = (np.concatenate(sets) for sets in zip(*made.sums(csr_array(observed)), strict=True))
    of_first, of_second = multiplicities(made)
    np.testing.assert_allclose(first, of_first @ observed, atol=1e-12)
    np.testing.assert_allclose(second, of_second @ observed, atol=1e-12)


def test_weights():
    """Every observation of a set weighs the same, the sets 1 and -1."""
    made = design(3, 5)
    counts = np.array([1, 2, 3, 4, 5, 6, 7, 8])
    of_samples, permuted, floors = made.weights(counts)
    np.testing.assert_allclose(of_samples[:, 0], [1 / 6] * 3)
    np.testing.assert_allclose(counts[:3] @ of_samples, 1)
    first, second = multiplicities(made)
    for found, rows, part in ((permuted, PERMUTED, slice(None)), (floors, FLOORS, slice(3, None))):
        ones, others = first[rows, part], second[rows, part]
        expected = [
            a / (a @ counts[part]) - b / (b @ counts[part]) for a, b in zip(ones, others, strict=True)
        ]
        np.testing.assert_allclose(found.T, expected, atol=1e-15)


def test_weights_of_a_resample_of_nothing():
    multiplicity = np.zeros((REPLICATES, 2), np.int16)
    multiplicity[1:] = 1
    weights, *_ = Design.of(multiplicity, 3, np.random.default_rng(0)).weights(np.ones(5, int))
    assert np.isnan(weights[:, 1]).all()
    assert np.isfinite(weights[:, [0, *range(2, 201)]]).all()


def test_a_design_of_resamples_alone():
    multiplicity = bootstrap(6, np.random.default_rng(0))
    made, whole = Design.of_resamples(multiplicity, 20), design()
    for found, expected in zip(multiplicities(made), multiplicities(whole), strict=True):
        np.testing.assert_array_equal(found, expected[: 1 + REPLICATES])
    squared = np.random.default_rng(1).gamma(9, size=len(whole))
    ours, theirs = made.inference(squared[: len(made)]), whole.inference(squared)
    assert ours.estimate == theirs.estimate
    np.testing.assert_array_equal(ours.replicates, theirs.replicates)
    assert math.isnan(ours.p_value)
    assert len(ours.floors) == 0


def test_inference_takes_the_rows_apart():
    made = design()
    squared = np.arange(len(made), dtype=float)
    squared[0] = 300.5  # replicates are 1 ... 200, permutations 201 ... 399, floors the rest
    result = made.inference(squared)
    assert result.estimate == 300.5
    np.testing.assert_allclose(result.replicates, np.arange(1, 201) - 100.5 + 300.5)
    assert result.p_value == (1 + 99) / 200
    np.testing.assert_allclose(result.floors, np.arange(400, 420) * made.floor_scale)


def test_one_molecule_has_no_replicates():
    made = design(1, 20)
    assert np.isnan(made.inference(np.ones(len(made))).replicates).all()
