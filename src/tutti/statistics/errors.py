"""Errors of predicted energies, forces and properties, with bootstrap intervals over structures.

Components of one structure's forces are not independent, so that the bootstrap draws whole structures. The
intervals are bias-corrected and accelerated (BCa): Efron, J. Am. Stat. Assoc. 82, 171 (1987), eqs. 2.3 and
6.6, with the acceleration of the jackknife.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy.stats import norm

from tutti.core import ragged
from tutti.core.structures import Structures
from tutti.statistics.estimate import UNKNOWN, Estimate, Row, row

REPLICATES = 1000
TAILS = (0.025, 0.975)

Statistic = Callable[[np.ndarray], np.ndarray]
"""From means [..., K] of K sets of differences to a number [...]."""


@dataclass(frozen=True)
class Differences:
    """Predictions minus references: M of them, which belong to N structures.

    Attributes:
        values: [M].
        structure: [M], number of the structure that each belongs to.
        n: N.
    """

    values: np.ndarray
    structure: np.ndarray
    n: int

    @classmethod
    def of_structures(cls, values: np.ndarray) -> Self:
        """One value [N] per structure."""
        return cls(values, np.arange(len(values)), len(values))

    @cached_property
    def absolute(self) -> np.ndarray:
        """[N, 2] sum of the absolute differences of each structure, and their number."""
        return self._sums(np.abs(self.values))

    @cached_property
    def squared(self) -> np.ndarray:
        """[N, 2] sum of the squared differences of each structure, and their number."""
        return self._sums(np.square(self.values))

    @property
    def n_observed(self) -> int:
        """Number of structures with a difference."""
        return len(np.unique(self.structure))

    @property
    def n_not_finite(self) -> int:
        """Number of structures with a difference that is not finite."""
        return len(np.unique(self.structure[~np.isfinite(self.values)]))

    def _sums(self, values: np.ndarray) -> np.ndarray:
        counts = np.bincount(self.structure, minlength=self.n)
        return np.stack([np.bincount(self.structure, values, self.n), counts], axis=1)


def of_energies(reference: Structures, predicted: Structures, per_atom: bool = False) -> Differences:
    """Differences of energies, eV or eV/atom.

    Raises:
        ValueError: when the two sets are not the same structures, or one has no energies.
    """
    _check_same(reference, predicted)
    differences = _given(predicted.energy, "energy") - _given(reference.energy, "energy")
    return Differences.of_structures(differences / reference.n_atoms if per_atom else differences)


def of_forces(reference: Structures, predicted: Structures, element: int | None = None) -> Differences:
    """Differences of all force components, eV/Å, or of those on the atoms of one element.

    Args:
        reference: N structures.
        predicted: the same ones.
        element: atomic number.

    Raises:
        ValueError: when the two sets are not the same structures, or one has no forces.
    """
    _check_same(reference, predicted)
    differences = _given(predicted.forces, "forces") - _given(reference.forces, "forces")
    chosen = slice(None) if element is None else reference.numbers == element
    owner = ragged.owners(reference.n_atoms)[chosen]
    return Differences(differences[chosen].ravel(), np.repeat(owner, 3), len(reference))


def of_property(reference: Structures, predicted: Structures, target: str) -> Differences:
    """Differences of a column, in its unit.

    Raises:
        ValueError: when the two sets are not the same structures, or one does not have the column.
    """
    _check_same(reference, predicted)
    theirs, ours = (_given(side.columns.get(target), target) for side in (reference, predicted))
    return Differences.of_structures(np.asarray(ours, float) - theirs)


def mean_absolute(differences: Differences, generator: np.random.Generator) -> Estimate:
    """Mean absolute error over all components, with its interval."""
    return interval(differences.absolute[:, None], lambda means: means[..., 0], generator)


def mean_squared(differences: Differences, generator: np.random.Generator) -> Estimate:
    """Mean squared error over all components, with its interval."""
    return interval(differences.squared[:, None], lambda means: means[..., 0], generator)


def root_mean_squared(differences: Differences, generator: np.random.Generator) -> Estimate:
    """Root of the mean squared error over all components, with its interval."""
    return interval(differences.squared[:, None], lambda means: np.sqrt(means[..., 0]), generator)


def interval(sums: np.ndarray, statistic: Statistic, generator: np.random.Generator) -> Estimate:
    """A function of means, with the BCa interval of resampled structures.

    Structures without any component (sums and numbers 0) are left out. There is no interval of less than two
    structures; and no value of none, or where a sum is not finite.

    Args:
        sums: [N, K, 2] of each structure, for each of K means, the sum and the number of its terms.
        statistic: from means [..., K] to the value [...].
        generator: of the bootstrap.
    """
    sums = sums[(sums[..., 1] > 0).all(axis=1)]
    if len(sums) == 0 or not np.isfinite(sums).all():
        return UNKNOWN
    value = float(statistic(_means(sums.sum(axis=0))))
    if len(sums) < 2:
        return Estimate(value)
    replicates = statistic(_means(_resampled(sums, generator)))
    jackknife = statistic(_means(sums.sum(axis=0) - sums))
    return Estimate(value, *_bca(value, replicates, jackknife))


def row_of(
    metric: str, subset: str, estimate: Estimate, unit: str, *differences: Differences, remark: str = ""
) -> Row:
    """The row of a value made from `differences`, with a note where it or its interval is undefined."""
    n = min(each.n_observed for each in differences)
    broken = max(each.n_not_finite for each in differences)
    why = f"{broken} of {n} structures have a value that is not finite" if broken else "no structures"
    alone = "no interval from one structure" if n == 1 and not broken else ""
    return row(metric, subset, estimate, n, unit, alone, remark, undefined=why)


def _means(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def _resampled(sums: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """[REPLICATES, K, 2] sums over as many structures as there are, drawn with replacement."""
    flat = sums.reshape(len(sums), -1)
    # One after another: all draws of a large set at once would need gigabytes.
    draws = (generator.integers(len(sums), size=len(sums)) for _ in range(REPLICATES))
    counts = (np.bincount(draw, minlength=len(sums)) for draw in draws)
    return np.stack([count @ flat for count in counts]).reshape(REPLICATES, *sums.shape[1:])


def _bca(value: float, replicates: np.ndarray, jackknife: np.ndarray) -> tuple[float, float]:
    """Ends of the interval from replicates [R] and from the values without each structure [N]."""
    # Equal numbers differ by rounding, and then count half, like ties.
    tie = np.isclose(replicates, value, rtol=1e-12, atol=0)
    share = np.mean(np.where(tie, 0.5, replicates < value))
    centred = jackknife.mean() - jackknife
    spread = np.sum(centred**2)
    acceleration = np.sum(centred**3) / (6 * spread**1.5) if spread > 0 else 0.0
    bias, shifted = norm.ppf(share), norm.ppf(share) + norm.ppf(TAILS)
    levels = norm.cdf(bias + shifted / (1 - acceleration * shifted))
    low, high = np.quantile(replicates, levels)
    return float(low), float(high)


def _given(array: np.ndarray | None, name: str) -> np.ndarray:
    if array is None:
        raise ValueError(f"no '{name}' in the reference or the predictions: there is nothing to compare")
    return array


def _check_same(reference: Structures, predicted: Structures) -> None:
    for name in ("n_atoms", "numbers", "positions"):
        if not np.array_equal(getattr(reference, name), getattr(predicted, name)):
            raise ValueError(f"reference and predictions are not of the same structures: their {name} differ")
