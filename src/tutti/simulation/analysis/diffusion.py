"""Mean squared displacement and diffusion coefficient."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tutti.simulation.analysis.drift import ended
from tutti.simulation.trajectory import Trajectory
from tutti.statistics import blocks
from tutti.statistics.estimate import UNKNOWN, Estimate, row, table_of

BLOCKS = 4
"""Parts of a trajectory that give a coefficient each: each must be longer than the longest lag time."""

CM2_PER_S = 1e-4
"""cm²/s of 1 Å²/ps."""


def mean_squared_displacement(positions: np.ndarray) -> np.ndarray:
    """[F] mean over N atoms and all time origins of |r(t₀ + t) - r(t₀)|², Å².

    By the fast Fourier transform: Kneller, Keiner, Kneller, Schiller, Comput. Phys. Commun. 91, 191 (1995).

    Args:
        positions: [F, N, 3] of evenly spaced frames, unwrapped, Å.
    """
    n = len(positions)
    centred = positions - positions.mean(axis=0)  # no change but to rounding
    squares = np.sum(centred**2, axis=(1, 2))
    transformed = np.fft.rfft(centred, 2 * n, axis=0)
    products = np.fft.irfft(np.sum(np.abs(transformed) ** 2, axis=(1, 2)), 2 * n)[:n]
    before = np.concatenate([[0], np.cumsum(squares)])
    lags = np.arange(n)
    both = before[n - lags] + before[n] - before[lags]  # Σ over origins of r(t₀)² + r(t₀ + t)²
    origins = (n - lags) * positions.shape[1]
    return np.maximum((both - 2 * products) / origins, 0)


@dataclass(frozen=True)
class Window:
    """Lag times (ps) from which the slope of the mean squared displacement is taken."""

    start: float
    end: float


def coefficient(positions: np.ndarray, interval: float, window: Window) -> float:
    """Einstein's D = slope / 6, Å²/ps, by least squares within the window.

    Args:
        positions: [F, N, 3] unwrapped, Å.
        interval: between frames, ps.
        window: of lag times.

    Raises:
        ValueError: when the window has fewer than two lags of this trajectory.
    """
    lags = np.arange(len(positions)) * interval
    inside = (lags >= window.start - 1e-9) & (lags <= window.end + 1e-9)
    if np.count_nonzero(inside) < 2 or lags[-1] < window.end - 1e-9:
        raise ValueError(f"{lags[-1]:g} ps are too few for displacements up to {window.end:g} ps")
    return float(np.polyfit(lags[inside], mean_squared_displacement(positions)[inside], 1)[0] / 6)


def diffusion(positions: np.ndarray, interval: float, window: Window) -> Estimate:
    """D over the whole trajectory, Å²/ps, with the t-interval of the D of `BLOCKS` parts of it.

    Without an interval when the parts are shorter than the window, NaN when the whole is. Arguments as of
    `coefficient`.
    """
    parts = blocks.split(positions, BLOCKS)
    longest = (len(positions) - 1) * interval
    if longest < window.end or len(positions) < 2:
        return UNKNOWN
    whole = coefficient(positions, interval, window)
    if min(len(part) - 1 for part in parts) * interval < window.end - 1e-9:
        return Estimate(whole)
    return blocks.around(whole, np.array([coefficient(part, interval, window) for part in parts]))


def table(
    trajectory: Trajectory, atoms: np.ndarray, window: Window, *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """`diffusion_coefficient` (cm²/s; the note has Å²/ps), without a correction for the size of the cell.

    Args:
        trajectory: at constant energy: a Langevin bath slows diffusion down.
        atoms: indices of those that diffuse, such as water's oxygens.
        window: of lag times, ps.
        model: name for the table.
        dataset: name for the table.
        seed: for the table.
    """
    interval = trajectory.interval / 1000 if len(trajectory) > 1 else np.nan
    found = diffusion(trajectory.positions[:, atoms], interval, window)
    remarks = (
        f"{found.value:.4g} Å²/ps",
        f"lag times of {window.start:g} to {window.end:g} ps",
        "no correction for the size of the cell",
        ended(trajectory),
    )
    why = f"shorter than {window.end:g} ps"
    scaled = found.scaled(CM2_PER_S)
    rows = [row("diffusion_coefficient", "NVE", scaled, len(atoms), "cm²/s", *remarks, undefined=why)]
    return table_of(rows, model=model, dataset=dataset, seed=seed)
