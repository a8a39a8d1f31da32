"""Noise schedule of a variance-preserving diffusion, z_t = α_t x + σ_t ε with α² + σ² = 1."""

import math
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

SMALLEST_RATIO = 1e-3
"""Lower bound of α²_t / α²_{t−1} before the precision is put in."""


class Reverse(NamedTuple):
    """One denoising step: z_s = `scale` · z_t − `shift` · ε̂ + `noise` · N(0, 1)."""

    scale: float
    shift: float
    noise: float


@dataclass(frozen=True)
class Schedule:
    """α_t and σ_t at t = 0 ... T.

    Attributes:
        alpha, sigma: [T + 1] float64.
    """

    alpha: np.ndarray
    sigma: np.ndarray

    @classmethod
    def polynomial(cls, timesteps: int, precision: float) -> Self:
        """α²_t = (1 − 2s) f²_t + s, where f_t = 1 − (t/T)² with f²_t / f²_{t−1} ≥ `SMALLEST_RATIO`.

        "polynomial_2" of Hoogeboom et al. 2022, appendix B, in the order of the authors' code. The paper's
        text has α_t = (1 − 2s) f_t + s, clipped afterwards. For T = 1000, α_T would be 6e-5 and not 3e-3, and
        the first denoising step would multiply the network's error by 31 and not by 0.3.

        Args:
            timesteps: T.
            precision: s.
        """
        squares = (1 - (np.arange(timesteps + 1) / timesteps) ** 2) ** 2
        ratios = np.maximum(squares[1:] / squares[:-1], SMALLEST_RATIO)
        squares = (1 - 2 * precision) * np.cumprod([1.0, *ratios]) + precision
        return cls(np.sqrt(squares), np.sqrt(1.0 - squares))

    @classmethod
    def cosine(cls, timesteps: int, precision: float, shift: float) -> Self:
        """α²_t = (1 − 2s) f²_t + s, where f_t / √(1 − f²_t) = shift / tan(πt / 2T).

        The shifted cosine of Hoogeboom, Heek and Salimans 2023 (arXiv:2301.11093, section 3.1), between the
        same ends as `polynomial`: half of the times have less noise than σ/α = 1 / shift.

        Args:
            timesteps: T.
            precision: s.
            shift: as above.
        """
        angles = np.arange(timesteps + 1) / timesteps * (np.pi / 2)
        signal, noise = (shift * np.cos(angles)) ** 2, np.sin(angles) ** 2
        squares = (1 - 2 * precision) * signal / (signal + noise) + precision
        return cls(np.sqrt(squares), np.sqrt(1.0 - squares))

    @property
    def timesteps(self) -> int:
        """T."""
        return len(self.alpha) - 1

    @property
    def snr(self) -> np.ndarray:
        """Signal-to-noise ratios α²/σ², [T + 1]."""
        return (self.alpha / self.sigma) ** 2

    @property
    def gamma(self) -> np.ndarray:
        """−log of `snr`, [T + 1]."""
        return -np.log(self.snr)

    @property
    def weights(self) -> np.ndarray:
        """½ (SNR_{t−1} / SNR_t − 1): of ‖ε − ε̂‖² in the bound, [T + 1]; 0 at t = 0."""
        snr = self.snr
        return np.concatenate([[0.0], 0.5 * (snr[:-1] / snr[1:] - 1.0)])

    def prior_divergence(self, dimensions: np.ndarray, square: np.ndarray) -> np.ndarray:
        """KL(q(z_T | x) ‖ N(0, 1)), nats, of data of so many dimensions and the square norm `square`."""
        signal = float(self.alpha[-1]) ** 2
        return 0.5 * (dimensions * (-signal - math.log1p(-signal)) + signal * square)

    def reverse(self, t: int, s: int) -> Reverse:
        """The step from time t to an earlier time s, q(z_s | x̂, z_t)."""
        ratio = float(self.alpha[t] / self.alpha[s])
        variance = 1.0 - ratio**2  # of z_t given z_s, where α² + σ² = 1
        sigma_t, sigma_s = float(self.sigma[t]), float(self.sigma[s])
        return Reverse(1.0 / ratio, variance / (ratio * sigma_t), math.sqrt(variance) * sigma_s / sigma_t)

    def deterministic(self, t: int, s: int) -> Reverse:
        """The step from time t to an earlier time s that adds no noise: α_s x̂ + σ_s ε̂.

        DDIM with η = 0 (Song, Meng and Ermon, ICLR 2021, equation 12).
        """
        ratio = float(self.alpha[t] / self.alpha[s])
        return Reverse(1.0 / ratio, float(self.sigma[t]) / ratio - float(self.sigma[s]), 0.0)

    def times(self, steps: int | None) -> list[int]:
        """Falling times T ... 0 of `steps` denoising steps, evenly spaced; None: all of them.

        Raises:
            ValueError: when there are more steps than times.
        """
        steps = self.timesteps if steps is None else steps
        if steps > self.timesteps:
            raise ValueError(f"steps is {steps}, the model has {self.timesteps} timesteps")
        return [self.timesteps * (steps - k) // steps for k in range(steps + 1)]
