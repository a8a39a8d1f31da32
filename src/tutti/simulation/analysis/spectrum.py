"""Vibrational spectrum: the power spectrum of the mass-weighted velocities."""

import numpy as np
import pandas as pd
from ase import units
from scipy import signal

from tutti.core.randomness import numpy_generator
from tutti.simulation.analysis.drift import ended
from tutti.simulation.trajectory import Trajectory
from tutti.statistics import blocks
from tutti.statistics.estimate import UNKNOWN, row, table_of

PER_FS = 1e15 / (units._c * 100)
"""cm⁻¹ of an oscillation per fs."""

RESOLUTION = 10.0
"""cm⁻¹ between the points of a spectrum, unless said otherwise."""

HIGHEST = 4500.0
"""cm⁻¹: above are no vibrations of molecules."""


def spectra(trajectory: Trajectory, resolution: float = RESOLUTION) -> tuple[np.ndarray, np.ndarray]:
    """Power spectra of consecutive segments of a trajectory, each of integral 1.

    By the theorem of Wiener and Khinchin the power spectrum of the mass-weighted velocities is the Fourier
    transform of their autocorrelation (Thomas et al., Phys. Chem. Chem. Phys. 15, 6608, 2013). A segment is
    as long as the resolution asks, with a Hann window.

    Args:
        trajectory: of evenly spaced frames.
        resolution: cm⁻¹ between the points of a spectrum.

    Returns:
        Wavenumbers [X] in cm⁻¹ up to `HIGHEST`, and spectra [S, X] in cm; no segment (S = 0) when the
        trajectory is shorter than one.

    Raises:
        ValueError: when the time between frames is too long for `HIGHEST`.
    """
    rate = PER_FS / trajectory.interval  # samples, in cm⁻¹
    if rate < 2 * HIGHEST:
        limit = PER_FS / (2 * HIGHEST)
        raise ValueError(f"{trajectory.interval:g} fs between frames: {HIGHEST:g} cm⁻¹ needs {limit:.3g} fs")
    length = round(rate / resolution)
    wavenumbers = np.fft.rfftfreq(length, 1 / rate)
    kept = wavenumbers <= HIGHEST
    if len(trajectory) < length:
        return wavenumbers[kept], np.empty((0, kept.sum()))
    weighted = trajectory.velocities * np.sqrt(trajectory.masses)[:, None]
    weighted = weighted.reshape(len(trajectory), -1)
    _, _, power = signal.spectrogram(weighted, rate, "hann", length, noverlap=0, detrend=False, axis=0)
    power = power.sum(axis=1).T  # from [X, coordinates, segments]
    power /= power.sum(axis=1, keepdims=True) * wavenumbers[1]
    return wavenumbers[kept], power[:, kept]


def table(
    trajectory: Trajectory,
    reference: Trajectory,
    resolution: float = RESOLUTION,
    *,
    model: str,
    dataset: str,
    seed: int,
) -> pd.DataFrame:
    """`vibrational_spectrum_error`: ∫|S - S_ref| dν of the mean spectra, between 0 and 2, with its interval.

    Args:
        trajectory: the model's, at constant energy.
        reference: of the reference calculator from the same state, with the same time between frames.
        resolution: cm⁻¹ between the points of a spectrum.
        model: name for the table.
        dataset: name for the table.
        seed: for the table, and of the bootstrap over segments.

    Raises:
        ValueError: when the times between frames differ.
    """
    if len(trajectory) < 2:
        error, n = UNKNOWN, 0
    elif not np.isclose(trajectory.interval, reference.interval):
        raise ValueError("spectra are compared at the same time between frames")
    else:
        _, ours = spectra(trajectory, resolution)
        wavenumbers, theirs = spectra(reference, resolution)
        generator = numpy_generator(seed, "spectrum bootstrap")
        error, n = blocks.curve_error(ours, theirs, wavenumbers[1], generator), len(ours)
    why = f"shorter than a segment of {PER_FS / resolution / 1000:.3g} ps"
    rows = [
        row("vibrational_spectrum_error", "NVE", error, n, "dimensionless", ended(trajectory), undefined=why)
    ]
    return table_of(rows, model=model, dataset=dataset, seed=seed)
