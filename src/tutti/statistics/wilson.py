"""Confidence intervals."""

import math

from scipy.stats import binomtest


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson score interval (low, high) of a proportion (Wilson, J. Am. Stat. Assoc. 22, 209, 1927).

    Holds for n independent trials. Both ends are NaN when n is 0.

    Raises:
        ValueError: when `successes` is not in 0 ... n, or `confidence` not in 0 ... 1.
    """
    if n == 0 and successes == 0:
        return math.nan, math.nan
    interval = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
