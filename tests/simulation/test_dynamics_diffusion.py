"""Diffusion of random walks with known coefficients."""

import numpy as np
import pytest
from wells import trajectory

from tutti.benchmark.forcefields.dynamics import lags
from tutti.benchmark.forcefields.simulations import DynamicsConfig
from tutti.simulation.analysis.diffusion import (
    Window,
    coefficient,
    diffusion,
    mean_squared_displacement,
    table,
)


def walks(n_frames, n_atoms, d, interval, seed=0):
    """Brownian motion of D in Å²/ps, a frame every `interval` ps."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(scale=np.sqrt(2 * d * interval), size=(n_frames, n_atoms, 3))
    return np.cumsum(steps, axis=0)


def test_displacements_by_brute_force():
    positions = walks(40, 3, 1.0, 1.0) + 1000
    expected = [
        np.mean([np.sum((positions[t + lag] - positions[t]) ** 2, axis=1) for t in range(40 - lag)])
        for lag in range(40)
    ]
    np.testing.assert_allclose(mean_squared_displacement(positions), expected, rtol=1e-9, atol=1e-9)


def test_ballistic_motion():
    positions = np.arange(50)[:, None, None] * np.array([[[0.1, 0.2, -0.2]]])
    np.testing.assert_allclose(
        mean_squared_displacement(positions), 0.09 * np.arange(50) ** 2, rtol=1e-9, atol=1e-10
    )


def test_brownian_motion_has_its_coefficient():
    positions = walks(5000, 50, 0.23, 0.01)
    found = diffusion(positions, 0.01, Window(0.1, 1.0))
    assert found.value == pytest.approx(0.23, rel=0.03)
    assert found.low < 0.23 < found.high < found.low + 0.05


def test_intervals_hold():
    held = 0
    for seed in range(100):
        found = diffusion(walks(600, 5, 1.0, 0.1, seed), 0.1, Window(0.5, 2.0))
        held += found.low < 1.0 < found.high
    assert 88 <= held <= 99


@pytest.mark.parametrize("failure", ["", "hot"], ids=["whole", "failed early"])
def test_intervals_of_runs_as_they_are_configured_hold(failure):
    """10 ps with a frame every 20 fs (not 2 fs, for speed) of 16 oxygen atoms; or half of that."""
    interval, n_frames, held = 20.0, 250 if failure else 501, 0
    end = (n_frames - 1) * interval
    fields = {"failure": failure, "failure_time": end + 7.0} if failure else {}
    for seed in range(300):
        positions = walks(n_frames, 16, 0.23, interval / 1000, seed)
        run = trajectory(positions, interval=interval, **fields)
        found = diffusion(run.positions, interval / 1000, lags(run))
        held += found.low < 0.23 < found.high
    # Binomial: 95 % to 98 % of 300, give or take two standard deviations.
    assert 277 <= held <= 299


def test_a_run_in_the_configured_steps_has_an_interval():
    protocol = DynamicsConfig(temperature=300, picoseconds=10).protocol("NVE", 0)
    interval = protocol.time_step * protocol.interval
    run = trajectory(
        walks(round(protocol.duration / interval) + 1, 2, 0.23, interval / 1000), interval=interval
    )
    found = diffusion(run.positions, interval / 1000, lags(run))
    assert found.low < found.value < found.high


def test_too_short():
    positions = walks(100, 2, 1.0, 0.1)
    with pytest.raises(ValueError, match="too few"):
        coefficient(positions, 0.1, Window(1, 10))
    assert np.isnan(diffusion(positions, 0.1, Window(1, 10)).value)
    no_interval = diffusion(positions, 0.1, Window(1, 5))
    assert no_interval.value > 0 and np.isnan(no_interval.low)


def test_table():
    run = trajectory(walks(3000, 20, 0.23, 0.01), interval=10.0)
    row = table(run, np.arange(10), Window(0.1, 1.0), model="m", dataset="d", seed=0).iloc[0]
    assert row.value == pytest.approx(0.23e-4, rel=0.1)
    assert row.ci_low < row.value < row.ci_high
    assert (row.unit, row.n) == ("cm²/s", 10)
    assert row.note.startswith(f"{row.value * 1e4:.4g} Å²/ps; lag times of 0.1 to 1 ps")
    short = table(run[:1], np.arange(10), Window(0.1, 1.0), model="m", dataset="d", seed=0).iloc[0]
    assert np.isnan(short.value) and short.note.startswith("undefined: shorter than 1 ps")
