"""Largest norm of a gradient that follows the norms of the steps before (Hoogeboom et al., ICML 2022)."""

import numpy as np

LENGTH = 50
"""Norms that are remembered."""

FIRST = 3000.0
"""Stands for the norms before the first step, so that it is not clipped."""


def adaptive_limit(norms: list[float]) -> float:
    """1.5 times the mean of the last norms plus twice their (population) standard deviation.

    Args:
        norms: of the steps before, at most `LENGTH` of which count; may be empty.
    """
    last = norms[-LENGTH:] or [FIRST]
    return 1.5 * float(np.mean(last)) + 2.0 * float(np.std(last))


def remember(norms: list[float], norm: float) -> list[float]:
    """The norms to remember after a step whose gradient had `norm`: what was above the limit counts as it."""
    return [*(norms or [FIRST]), min(norm, adaptive_limit(norms))][-LENGTH:]
