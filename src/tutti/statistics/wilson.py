"""Confidence intervals."""

import math

from scipy.special import ndtri


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson score interval (low, high) of a proportion (Wilson, J. Am. Stat. Assoc. 22, 209, 1927).

    Holds for n independent trials. Both ends are NaN when n is 0. As Newcombe writes it, Stat. Med. 17, 857
    (1998), method 3.

    Raises:
        ValueError: when `successes` is not in 0 ... n, or `confidence` not in 0 ... 1.
    """
    if n == 0 and successes == 0:
        return math.nan, math.nan
    if not 0 <= successes <= n:
        raise ValueError(f"the number of successes must lie between 0 and {n}, not be {successes}")
    if not 0 <= confidence <= 1:
        raise ValueError(f"the confidence must lie between 0 and 1, not be {confidence}")
    share, z = successes / n, float(ndtri((1 + confidence) / 2))
    scale = 2 * (n + z * z)
    centre = (2 * n * share + z * z) / scale
    half = z / scale * math.sqrt(4 * n * share * (1 - share) + z * z)
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == n else centre + half)
