"""Numbers observed in molecules: what distributions are made of."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Observations:
    """n points in d dimensions, each observed in one of M molecules.

    Molecules are the independent units: what resamples, permutes or divides, does it with whole molecules.

    Attributes:
        values: [n, d] float64.
        molecule: [n] int64, ascending, 0 ... M - 1.
        n_molecules: M; molecules in which nothing was observed count too.
    """

    values: np.ndarray
    molecule: np.ndarray
    n_molecules: int

    def __len__(self) -> int:
        return len(self.values)
