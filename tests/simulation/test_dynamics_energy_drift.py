"""Drift of energies that are known."""

import numpy as np
import pytest
from wells import trajectory

from tutti.simulation.analysis.drift import drift, table


def energies(values, **fields):
    """Total energies in eV, a frame every 2 fs, 4 atoms."""
    return trajectory(np.zeros((len(values), 4, 3)), energy=values, interval=2.0, **fields)


def test_a_line_has_its_slope():
    time = np.arange(101) * 0.002  # ps
    found = drift(energies(5 + 0.008 * time))
    assert found.slope == pytest.approx(2.0, rel=1e-9)  # meV/atom/ps
    assert found.standard_error == pytest.approx(0, abs=1e-6)
    assert found.fluctuation == pytest.approx(0, abs=1e-6)


def test_a_wave_fluctuates_and_does_not_drift():
    phase = np.arange(100_000) * 2 * np.pi / 50
    found = drift(energies(0.004 * np.sin(phase)))
    assert found.slope == pytest.approx(0, abs=1e-3)
    assert found.fluctuation == pytest.approx(1 / np.sqrt(2), rel=1e-4)


def test_intervals_hold_for_correlated_noise():
    """The 95 % interval contains the true slope in about 95 of 100 runs, though frames are correlated."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        noise = np.convolve(rng.normal(size=2099), np.ones(100) / 10, "valid")
        row = table(energies(0.004 * noise), model="m", dataset="d", seed=0).iloc[0]
        held += row.ci_low <= 0 <= row.ci_high
    assert 0.88 <= held / 200 <= 0.99


def test_table():
    line = 0.004 * np.arange(50)
    good = table(energies(line), model="m", dataset="d", seed=3)
    assert good[["metric", "unit", "n", "note"]].values.tolist() == [
        ["energy_drift", "meV/atom/ps", 50, "over 0.098 ps"],
        ["energy_fluctuation", "meV/atom", 50, "over 0.098 ps"],
    ]
    assert good["value"][0] == pytest.approx(500)
    failed = table(energies(line, failure="hot", failure_time=120), model="m", dataset="d", seed=3)
    assert failed["note"][0] == "failed after 0.12 ps (hot)"
    at_once = table(energies([np.nan], failure="hot", failure_time=0), model="m", dataset="d", seed=3)
    assert at_once["value"].isna().all()
    assert at_once["note"].str.startswith("undefined: fewer than two frames").all()
