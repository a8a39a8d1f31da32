"""Rows of the tables of errors."""

from collections.abc import Callable

import numpy as np

from tutti.dynamics.analysis.blocks import Estimate, row
from tutti.metrics.errors import Differences
from tutti.randomness import numpy_generator

BOOTSTRAP = "force field errors"
"""Purpose of the random streams."""

Estimator = Callable[[Differences, np.random.Generator], Estimate]


def error_row(
    metric: str,
    subset: str,
    differences: Differences,
    estimator: Estimator,
    unit: str,
    seed: int,
    scale: float = 1.0,
) -> dict[str, object]:
    """The row of one kind of error, without model, dataset and seed.

    Args:
        metric: of the row.
        subset: of the row.
        differences: predictions minus references.
        estimator: of `tutti.metrics.errors`.
        unit: of the row.
        seed: of the bootstrap.
        scale: factor from the differences' unit to the row's.
    """
    found = estimator(differences, numpy_generator(seed, BOOTSTRAP))
    scaled = Estimate(*(scale * value for value in (found.value, found.low, found.high)))
    return estimate_row(metric, subset, scaled, unit, differences)


def estimate_row(
    metric: str, subset: str, estimate: Estimate, unit: str, *differences: Differences
) -> dict[str, object]:
    """The row of a value made from `differences`, with a note where it or its interval is undefined."""
    n = min(each.n_observed for each in differences)
    broken = max(each.n_not_finite for each in differences)
    why = f"{broken} of {n} structures have a value that is not finite" if broken else "no structures"
    remarks = ["no interval from one structure"] if n == 1 and not broken else []
    return row(metric, subset, estimate, n, unit, *remarks, undefined=why)
