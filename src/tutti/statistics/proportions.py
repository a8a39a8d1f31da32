"""Rows of the tidy tables for counts out of a denominator."""

import math

from tutti.statistics.estimate import Estimate, Row, row
from tutti.statistics.wilson import wilson


def share(metric: str, subset: str, successes: int, n: int, of: str, note: str = "") -> Row:
    """The row of a share: a fraction with its 95 % Wilson interval; undefined when `n` is 0.

    Args:
        metric: of the row.
        subset: of the row.
        successes: how many.
        n: out of how many: the denominator.
        of: what the denominator counts, in words.
        note: a remark.

    Raises:
        ValueError: when `successes` is not in 0 ... n.
    """
    estimate = Estimate(successes / n if n else math.nan, *wilson(successes, n))
    return row(metric, subset, estimate, n, "1", f"of {of}" if n else "", note, undefined=f"no {of}")
