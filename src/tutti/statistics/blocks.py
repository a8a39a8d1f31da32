"""Errors of averages over correlated frames, from consecutive blocks."""

import numpy as np

from tutti.statistics.bootstrap import REPLICATES, percentile_interval, shifted
from tutti.statistics.estimate import UNKNOWN, Estimate

BLOCKS = 10
"""Consecutive parts of a trajectory that are taken as independent."""


def split(values: np.ndarray, blocks: int = BLOCKS) -> list[np.ndarray]:
    """Consecutive parts, as equal as can be, of values [F, ...]; fewer where there are fewer frames."""
    return np.array_split(values, min(blocks, len(values))) if len(values) else []


def block_mean(values: np.ndarray) -> Estimate:
    """Mean of values [F] of consecutive frames, with the t-interval of the means over blocks."""
    if len(values) == 0:
        return UNKNOWN
    return around(float(values.mean()), np.array([block.mean() for block in split(values)]))


def around(value: float, of_blocks: np.ndarray) -> Estimate:
    """A value with the t-interval that independent values [B] of the same quantity give."""
    if len(of_blocks) < 2:
        return Estimate(value)
    return t_interval(value, standard_error(of_blocks), len(of_blocks) - 1)


def standard_error(values: np.ndarray) -> float:
    """Of the mean of independent values [B >= 2]."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def t_interval(value: float, error: float, freedom: int) -> Estimate:
    """A value with its t-interval: from its standard error and the degrees of freedom that this has."""
    from scipy.special import stdtrit  # slow to import, and few runs have several values

    half = stdtrit(freedom, 0.975) * error
    return Estimate(value, value - half, value + half)


def curve_error(
    model: np.ndarray, reference: np.ndarray, width: float, generator: np.random.Generator
) -> Estimate:
    """∫ |⟨f⟩ - ⟨f_ref⟩| dx of a model's and a reference's curve, with a block-bootstrap interval.

    Blocks of both are drawn with replacement; the replicates' mean is moved to the estimate, for resampling
    adds its noise to a distance that cannot be negative (see `tutti.statistics.bootstrap.shifted`).

    Args:
        model: [B, X] curve of each block.
        reference: [C, X].
        width: of the steps of x.
        generator: of the bootstrap.

    Returns:
        The error; without an interval when one of them has less than two blocks, NaN when one has none.
    """
    if not (len(model) and len(reference)):
        return UNKNOWN
    value = width * float(np.abs(model.mean(axis=0) - reference.mean(axis=0)).sum())
    if min(len(model), len(reference)) < 2:
        return Estimate(value)
    ours, theirs = (_resampled_means(curves, generator) for curves in (model, reference))
    low, high = percentile_interval(shifted(value, width * np.abs(ours - theirs).sum(axis=1)))
    return Estimate(value, low, high)


def overlap_error(model: np.ndarray, reference: np.ndarray, generator: np.random.Generator) -> Estimate:
    """∫ |⟨f⟩ - ⟨f_ref⟩| / ∫ (⟨f⟩ + ⟨f_ref⟩) of two curves that are nowhere negative: 0 the same, 1 disjoint.

    Of densities of integral 1 it is half of `curve_error`, the share of the one that does not lie under the
    other. Arguments on an even grid, blocks and interval as there.
    """
    if not (len(model) and len(reference)):
        return UNKNOWN
    value = float(_apart(model.mean(axis=0), reference.mean(axis=0)))
    if min(len(model), len(reference)) < 2:
        return Estimate(value)
    ours, theirs = (_resampled_means(curves, generator) for curves in (model, reference))
    low, high = percentile_interval(shifted(value, _apart(ours, theirs)))
    return Estimate(value, low, min(high, 1.0))


def _apart(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return np.abs(ours - theirs).sum(axis=-1) / (ours + theirs).sum(axis=-1)


def _resampled_means(curves: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    draws = generator.integers(len(curves), size=(REPLICATES, len(curves)))
    counts = np.stack([np.bincount(draw, minlength=len(curves)) for draw in draws])
    return counts @ curves / len(curves)
