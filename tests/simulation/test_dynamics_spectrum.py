"""Spectra of motions of known frequencies."""

import numpy as np
import pytest
from ase import units
from wells import trajectory

from tutti.simulation.analysis.spectrum import PER_FS, spectra, table


def oscillating(wavenumbers, amplitudes, n_frames=40_000, interval=1.0, masses=None):
    """One atom per wavenumber (cm⁻¹)."""
    times = np.arange(n_frames)[:, None] * interval
    velocities = np.zeros((n_frames, len(wavenumbers), 3))
    velocities[..., 1] = amplitudes * np.cos(2 * np.pi * times * np.asarray(wavenumbers) / PER_FS + 0.3)
    masses = np.ones(len(wavenumbers)) if masses is None else np.asarray(masses, float)
    return trajectory(np.zeros_like(velocities), velocities=velocities, interval=interval, masses=masses)


def test_unit():
    ev = 1000 * units.invcm  # ħω of 1000 cm⁻¹
    frequency = ev / (2 * np.pi * 0.6582119569)  # 1/fs
    assert frequency * PER_FS == pytest.approx(1000, rel=1e-6)


@pytest.mark.parametrize("wavenumber", [203.0, 1650.0, 3700.0])
def test_an_oscillator_has_its_peak(wavenumber):
    x, curves = spectra(oscillating([wavenumber], [1.0]))
    assert len(curves) == 40_000 // 3336
    assert abs(x[curves.mean(axis=0).argmax()] - wavenumber) <= 5
    np.testing.assert_allclose(curves.sum(axis=1) * x[1], 1, rtol=1e-3)
    assert x[1] == pytest.approx(10, rel=1e-3) and x[-1] <= 4500


def test_areas_are_kinetic_energies():
    """Peaks of two oscillators have the ratio of m v²."""
    x, curves = spectra(oscillating([1000, 3000], [1.0, 0.5], masses=[2.0, 16.0]))
    areas = [curves.mean(axis=0)[abs(x - peak) < 100].sum() for peak in (1000, 3000)]
    assert areas[1] / areas[0] == pytest.approx(16 * 0.25 / 2, rel=1e-3)


def test_resolution_and_limits():
    x, curves = spectra(oscillating([1000], [1.0], n_frames=700), 50)
    assert x[1] == pytest.approx(50, rel=1e-2) and len(curves) == 1
    assert len(spectra(oscillating([1000], [1.0], n_frames=600), 50)[1]) == 0
    with pytest.raises(ValueError, match=r"needs 3\.71 fs"):
        spectra(oscillating([1000], [1.0], interval=4.0))


def test_table():
    names = {"model": "m", "dataset": "d", "seed": 0}
    first, second = (oscillating([w], [1.0], n_frames=8000) for w in (1000, 2000))
    rows = table(first, second, **names)
    assert rows["value"][0] == pytest.approx(2, abs=1e-2)
    assert table(first, first, **names)["value"][0] == 0
    short = table(first[:100], second, **names).iloc[0]
    assert np.isnan(short.value) and short.note == "undefined: shorter than a segment of 3.34 ps"
    assert np.isnan(table(first[:1], second, **names)["value"][0])
    with pytest.raises(ValueError, match="same time"):
        table(first, oscillating([1000], [1.0], interval=0.5), **names)
