"""Errors and their intervals, against closed forms and SciPy's bootstrap."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.statistics import errors


def generator():
    return numpy_generator(0, "test")


def structures(sizes=(3, 1, 4), seed=0):
    rng = np.random.default_rng(seed)
    frames = [(rng.choice([1, 6], n), rng.random((n, 3))) for n in sizes]
    total = sum(sizes)
    return Structures.from_frames(
        frames, energy=rng.normal(size=len(sizes)), forces=rng.normal(size=(total, 3))
    ).with_columns(homo=rng.normal(size=len(sizes)))


def moved(reference, seed=1):
    other = structures(tuple(reference.n_atoms), seed)
    return dataclasses.replace(reference, energy=other.energy, forces=other.forces, columns=other.columns)


def test_means_run_over_all_components():
    reference = structures()
    predicted = moved(reference)
    force = predicted.forces - reference.forces
    energy = predicted.energy - reference.energy
    homo = predicted.columns["homo"] - reference.columns["homo"]
    hydrogen = reference.numbers == 1
    expected = [
        (errors.of_forces(reference, predicted), force),
        (errors.of_forces(reference, predicted, 1), force[hydrogen]),
        (errors.of_energies(reference, predicted), energy),
        (errors.of_energies(reference, predicted, per_atom=True), energy / [3, 1, 4]),
        (errors.of_property(reference, predicted, "homo"), homo),
    ]
    for differences, values in expected:
        absolute = errors.mean_absolute(differences, generator())
        squared = errors.mean_squared(differences, generator())
        root = errors.root_mean_squared(differences, generator())
        assert absolute.value == pytest.approx(np.abs(values).mean(), rel=1e-14)
        assert squared.value == pytest.approx((values**2).mean(), rel=1e-14)
        assert root.value == pytest.approx(np.sqrt((values**2).mean()), rel=1e-14)
        assert absolute.low <= absolute.value <= absolute.high
        assert root.low**2 <= squared.high


def test_intervals_are_scipys_bca():
    """On structures of one size the mean over components is the mean of the structures' means."""
    differences = errors.Differences.of_structures(np.random.default_rng(3).exponential(size=60) ** 2)
    ours = errors.mean_absolute(differences, generator())
    theirs = stats.bootstrap(
        (differences.values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.06 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.06 * width)
    percentile = stats.bootstrap(
        (differences.values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert percentile.high < ours.high - 0.1 * width  # the correction for skewness is there


def test_a_root_has_scipys_bca_interval():
    values = np.random.default_rng(4).standard_t(5, size=80)
    ours = errors.root_mean_squared(errors.Differences.of_structures(values), generator())
    theirs = stats.bootstrap(
        (values,), lambda x, axis: np.sqrt((x**2).mean(axis)), n_resamples=20_000, method="BCa", rng=1
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.06 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.06 * width)


def test_intervals_contain_the_truth_as_often_as_they_say():
    """Mean absolute error of normal numbers: sqrt(2/π). 300 sets of 40 structures with 5 equal components."""
    hits, rng = 0, np.random.default_rng(0)
    for i in range(300):
        values = np.repeat(rng.standard_normal(40), 5)
        differences = errors.Differences(values, np.repeat(np.arange(40), 5), 40)
        found = errors.mean_absolute(differences, numpy_generator(i, "coverage"))
        hits += found.low <= np.sqrt(2 / np.pi) <= found.high
    assert 0.90 < hits / 300 < 0.985


def test_structures_are_resampled_not_components():
    """Ten equal components in each structure tell no more than one."""
    values = np.random.default_rng(5).normal(size=50)
    one = errors.mean_absolute(errors.Differences.of_structures(values), generator())
    ten = errors.mean_absolute(
        errors.Differences(np.repeat(values, 10), np.repeat(np.arange(50), 10), 50), generator()
    )
    assert (ten.low, ten.high) == pytest.approx((one.low, one.high), rel=1e-12)


def test_functions_of_several_means():
    rng = np.random.default_rng(6)
    first, second = (errors.Differences.of_structures(rng.normal(size=30)) for _ in range(2))
    sums = np.stack([first.squared, second.squared], axis=1)
    found = errors.interval(sums, lambda means: 0.1 * means[..., 0] + means[..., 1], generator())
    joined = errors.Differences.of_structures(0.1 * first.values**2 + second.values**2)
    alone = errors.mean_absolute(joined, generator())
    assert (found.value, found.low, found.high) == pytest.approx(
        (alone.value, alone.low, alone.high), rel=1e-9
    )


def test_one_structure_has_a_value_and_no_interval():
    found = errors.mean_absolute(errors.Differences(np.array([1.0, -3.0]), np.zeros(2, int), 1), generator())
    assert found.value == 2.0
    assert np.isnan([found.low, found.high]).all()


def test_no_structure_has_no_value():
    found = errors.root_mean_squared(errors.Differences.of_structures(np.zeros(0)), generator())
    assert np.isnan([found.value, found.low, found.high]).all()


def test_values_that_are_not_finite_give_none_and_are_counted():
    differences = errors.Differences(np.array([1.0, np.nan, np.inf, 2.0]), np.array([0, 1, 1, 2]), 3)
    assert np.isnan(errors.mean_absolute(differences, generator()).value)
    assert differences.n_not_finite == 1 and differences.n_observed == 3


def test_equal_errors_have_an_interval_without_width():
    found = errors.mean_absolute(errors.Differences.of_structures(np.full(20, 0.1)), generator())
    assert (found.low, found.high) == pytest.approx((0.1, 0.1), rel=1e-12)
    perfect = errors.root_mean_squared(errors.Differences.of_structures(np.zeros(20)), generator())
    assert (perfect.value, perfect.low, perfect.high) == (0, 0, 0)


def test_structures_without_the_element_are_left_out():
    reference = Structures.from_frames(
        [([1, 6], np.zeros((2, 3))), ([6], np.zeros((1, 3))), ([1], np.zeros((1, 3)))],
        forces=np.zeros((4, 3)),
    )
    predicted = dataclasses.replace(reference, forces=np.arange(12.0).reshape(4, 3))
    hydrogen = errors.of_forces(reference, predicted, 1)
    assert hydrogen.n_observed == 2
    found = errors.mean_absolute(hydrogen, generator())
    assert found.value == pytest.approx((0 + 1 + 2 + 9 + 10 + 11) / 6)
    assert (found.low, found.high) == pytest.approx((1, 10))


def test_other_structures_are_refused():
    reference = structures()
    with pytest.raises(ValueError, match="their positions differ"):
        errors.of_forces(reference, dataclasses.replace(reference, positions=reference.positions + 1e-9))
    with pytest.raises(ValueError, match="their n_atoms differ"):
        errors.of_energies(reference, reference[:2])
    with pytest.raises(ValueError, match="no 'forces'"):
        errors.of_forces(reference, dataclasses.replace(reference, forces=None))
    with pytest.raises(ValueError, match="no 'gap'"):
        errors.of_property(reference, reference, "gap")
