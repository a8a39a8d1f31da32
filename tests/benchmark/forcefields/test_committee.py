"""Committees whose spread and errors are made up, so that everything about them is known."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from tutti.benchmark.forcefields import committee
from tutti.core.structures import Structures
from tutti.statistics import calibration

NAMES = {"model": "toy", "dataset": "hand", "seed": 3}
N, ATOMS, SEEDS = 400, 5, 8


def made(times=1.0, n=N, seeds=SEEDS):
    """The truth and members: a spread of each structure's own, and a common error `times` as large."""
    rng = np.random.default_rng(0)
    frames = [(np.full(ATOMS, 6), np.zeros((ATOMS, 3)))] * n
    truth = Structures.from_frames(frames, energy=np.zeros(n), forces=np.zeros((n * ATOMS, 3)))
    width = 0.01 * np.exp(rng.normal(size=n))
    per_atom = np.repeat(width, ATOMS)[:, None]
    common = times * width * rng.normal(size=n), times * per_atom * rng.normal(size=(n * ATOMS, 3))
    members = []
    for _ in range(seeds):
        own = width * rng.normal(size=n), per_atom * rng.normal(size=(n * ATOMS, 3))
        energy, forces = (a + b for a, b in zip(common, own, strict=True))
        members.append(dataclasses.replace(truth, energy=ATOMS * energy, forces=forces))
    return truth, members


def values(truth, members):
    return committee.table(truth, members, seeds=range(len(members)), **NAMES).set_index(["metric", "subset"])


def test_spread_is_the_deviation_of_the_members_around_their_mean():
    truth, members = made(n=4)
    found = committee.spreads(truth, members)
    energies = np.array([member.energy for member in members]) * 1000 / ATOMS
    np.testing.assert_allclose(found["energy"].values, energies.std(axis=0, ddof=1))
    np.testing.assert_allclose(found["energy"].errors, energies.mean(axis=0))
    forces = np.array([member.forces for member in members]) * 1000
    by_atom = np.sqrt(forces.var(axis=0, ddof=1).sum(axis=1))
    np.testing.assert_allclose(found["forces"].by_atom[0], by_atom)
    np.testing.assert_allclose(found["forces"].by_atom[1], np.linalg.norm(forces.mean(axis=0), axis=1))


@pytest.mark.parametrize("times", [1.0, 3.0])
def test_the_factor_is_the_one_that_was_put_in(times):
    """Errors of the mean are √(times² + 1/K) spreads wide, and these are known from K seeds only."""
    table = values(*made(times))
    expected = np.sqrt(times**2 + 1 / SEEDS)
    wide = stats.t(SEEDS - 1).ppf((1 + calibration.ONE_SIGMA) / 2)  # of an error over a spread of K seeds
    for name in ("energy", "forces"):
        found = table.loc[("committee_factor", name)]
        assert found["unit"] == "dimensionless"
        assert found["ci_low"] < expected * wide < found["ci_high"]
        assert found["ci_high"] - found["ci_low"] < 0.4 * expected
        after = table.loc[("committee_miscalibration", f"{name}, with the factor"), "value"]
        assert after < 0.03 and (
            times == 1 or after < table.loc[("committee_miscalibration", name), "value"] / 5
        )


def test_rank_correlation_is_scipys():
    truth, members = made(n=50)
    spread = committee.spreads(truth, members)
    table = values(truth, members)
    exact = stats.spearmanr(spread["energy"].values, np.abs(spread["energy"].errors)).statistic
    assert table.loc[("committee_rank_correlation", "energy"), "value"] == pytest.approx(exact)
    exact = stats.spearmanr(*spread["forces"].by_atom).statistic
    found = table.loc[("committee_rank_correlation", "forces")]
    assert found["value"] == pytest.approx(exact) and found["n"] == 50
    assert found["ci_low"] < exact < found["ci_high"] and found["note"] == "seeds 0, 1, 2, 3, 4, 5, 6, 7"


def test_intervals_know_that_atoms_of_a_structure_belong_together():
    """Every structure ten times: as many values, and no more is known."""
    truth, members = made(n=40)
    spread = committee.spreads(truth, members)["forces"]
    few = committee._estimate(
        calibration.rank_correlation, spread.by_atom, spread.structure[::3], np.random.default_rng(0)
    )
    many = committee._estimate(
        calibration.rank_correlation,
        tuple(np.tile(each, 10) for each in spread.by_atom),
        np.tile(spread.structure[::3], 10),
        np.random.default_rng(0),
    )
    assert many.high - many.low == pytest.approx(few.high - few.low, rel=1e-6)


def test_independent_errors_average_out():
    """Without a common error the mean of K is √K better than each."""
    table = values(*made(0.0))
    for name, unit in (("energy", "meV/atom"), ("forces", "meV/Å")):
        gain = table.loc[("committee_gain", name)]
        assert gain["ci_low"] < np.sqrt(SEEDS) < gain["ci_high"]
        mean, member = (table.loc[(f"{who}_mae", name)] for who in ("committee", "member"))
        assert gain["value"] == pytest.approx(member["value"] / mean["value"])
        assert mean["unit"] == unit


def test_calibration_of_the_normal_distribution():
    error = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    ones = np.ones_like(error)
    assert calibration.miscalibration(ones, error) < 1e-4
    assert calibration.factor(ones, error) == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(calibration.observed(ones, error), calibration.LEVELS, atol=1e-4)
    # Spreads of 0 hold no error, and endless ones all: both are half of the square away.
    assert calibration.miscalibration(0 * ones, error) == pytest.approx(0.5, abs=0.01)
    assert calibration.miscalibration(1e9 * ones, error) == pytest.approx(0.5, abs=0.01)
    # An interval of z/2 spreads: ∫ |p - (2 Φ(z(p) / 2) - 1)| dp.
    p = np.linspace(0, 1, 100_001)[:-1]
    exact = np.mean(p - (2 * stats.norm.cdf(stats.norm.ppf((1 + p) / 2) / 2) - 1))
    assert calibration.miscalibration(0.5 * ones, error) == pytest.approx(exact, abs=1e-3)


def test_what_is_all_the_same_has_no_correlation():
    truth, members = made(n=3)
    same = [members[0], members[0]]
    table = values(truth, same)
    found = table.loc[("committee_rank_correlation", "energy")]
    assert np.isnan(found["value"]) and found["note"].startswith(
        "undefined: spreads or errors are all the same"
    )


def test_energies_alone_and_a_committee_of_one():
    truth, members = made(n=3)
    bare = dataclasses.replace(truth, forces=None)
    assert set(committee.spreads(bare, members)) == {"energy"}
    with pytest.raises(ValueError, match="two members"):
        committee.spreads(truth, members[:1])
