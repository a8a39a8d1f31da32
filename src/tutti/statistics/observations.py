"""Numbers observed in molecules: what distributions are made of."""

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Self

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

    def head(self, n_molecules: int) -> Self:
        """What is observed in the first `n_molecules` molecules, or in all when there are fewer."""
        n = int(np.searchsorted(self.molecule, n_molecules))
        return type(self)(self.values[:n], self.molecule[:n], min(n_molecules, self.n_molecules))


def most_frequent(observations: Mapping[str, Sized], k: int = 10) -> list[str]:
    """The `k` names with most observations, the most frequent first, ties in alphabetical order."""
    return sorted(observations, key=lambda name: (-len(observations[name]), name))[:k]
