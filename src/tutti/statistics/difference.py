"""Differences of two independent numbers, from the interval of each."""

import numpy as np


def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """second - first with its interval, from those of two independent estimates.

    The method of variance estimates recovery (Zou and Donner, Stat. Med. 27, 1693, 2008): each end of an
    interval says how far the estimate scatters on that side. Of Wilson intervals of two shares it gives
    Newcombe's hybrid score interval (Stat. Med. 17, 873, 1998, method 10).

    Args:
        first: [..., 3] value, lower and upper end of its interval; the ends are NaN when they are unknown.
        second: [..., 3] the same, at the same confidence.

    Returns:
        [..., 3] the difference and its interval at that confidence: NaN where one of the two has none, or
        has one that its value does not lie in.
    """
    (v1, l1, u1), (v2, l2, u2) = np.moveaxis(first, -1, 0), np.moveaxis(second, -1, 0)
    value = v2 - v1
    low = value - np.hypot(v2 - l2, u1 - v1)
    high = value + np.hypot(u2 - v2, v1 - l1)
    known = (l1 <= v1) & (v1 <= u1) & (l2 <= v2) & (v2 <= u2)
    return np.stack([value, np.where(known, low, np.nan), np.where(known, high, np.nan)], axis=-1)
