"""Maximum mean discrepancy of millions of numbers, by a fine grid and Fourier transforms; on the same grid,
their Wasserstein distance."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.fft import next_fast_len, rfft
from scipy.sparse import csr_array

from tutti.benchmark.metrics.mmd import GAMMAS, kernel_deficit
from tutti.statistics.observations import Observations

BIN = 5e-5
MAX_BINS = 2**16


@dataclass(frozen=True)
class Grid:
    """The numbers observed in M molecules, shared out linearly over the points of a grid.

    A number between two grid points is split over both (cloud in cell), which replaces the kernel by its
    linear interpolation in either argument. With bins of 5e-5 Å the relative error of MMD² is below 1e-4,
    and typically 1e-6, down to sets that differ by 1e-4 Å a number; the absolute error is below 1e-12.

    Attributes:
        shares: [M, G] sparse, how much of the molecule's numbers is at each grid point.
        width: h, the distance of two grid points.
    """

    shares: csr_array
    width: float

    @classmethod
    def of(cls, observations: Observations, width: float = BIN) -> Self:
        """The grid of n >= 1 observations in one dimension, with points `width` apart (see `bin_width`)."""
        values = observations.values[:, 0] - observations.values.min()
        width = bin_width(values, width)
        left = np.floor(values / width)
        right_share = values / width - left
        left = left.astype(np.int32)
        counts = np.bincount(observations.molecule, minlength=observations.n_molecules)
        shares = csr_array(
            (
                np.stack([1 - right_share, right_share], axis=1).ravel(),
                np.stack([left, left + 1], axis=1).ravel(),
                np.concatenate([[0], 2 * np.cumsum(counts)]),
            ),
            shape=(observations.n_molecules, int(left.max()) + 2),
        )
        return cls(shares, width)

    def binned(self, weights: np.ndarray) -> np.ndarray:
        """[C, G] weight at each grid point, of columns of weights [M, C] of each molecule's observations."""
        return np.ascontiguousarray((self.shares.T @ weights).T)

    def mmd_squared(self, binned: np.ndarray) -> np.ndarray:
        """MMD² [C] of weights at the grid points that sum to 0 (see `mmd.mmd_squared`)."""
        n_bins = self.shares.shape[1]
        length = next_fast_len(2 * n_bins - 1, real=True)  # room for every distance: nothing wraps around
        distance = self.width * np.minimum(np.arange(length), length - np.arange(length))
        kernel = rfft(kernel_deficit(distance**2)).real
        kernel[1 : (length + 1) // 2] *= 2  # stand for the negative frequencies too
        spectrum = rfft(binned, length)
        return -(spectrum.real**2 + spectrum.imag**2) @ kernel / length

    def wasserstein(self, binned: np.ndarray) -> np.ndarray:
        """Wasserstein-1 distance [C] of the positive from the negative weights, which sum to 0.

        The area between the two distribution functions. Sharing numbers out moves them by half a bin at most
        and keeps their mean, so that the distance is wrong by less than a bin, and typically by far less.
        """
        return self.width * np.abs(np.cumsum(binned, axis=1)).sum(axis=1)


def bin_width(values: np.ndarray, least: float = BIN) -> float:
    """`least`, or for a range of more than MAX_BINS such bins (3.3 Å) what covers it with as many."""
    return max(least, float(np.ptp(values)) / MAX_BINS)


def kernel_error(width: float) -> float:
    """The most by which linear interpolation over bins of this width changes the summed kernel."""
    return float(GAMMAS.sum() * width**2 / 2)
