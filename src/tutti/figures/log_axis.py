"""Logarithmic axes with plain numbers."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator, NullFormatter

LEAST = 3
"""Ticks with numbers: fewer do not show that an axis is logarithmic."""


def plain_labels(axis: Axis) -> None:
    """Plain numbers at the powers of ten, on a short logarithmic axis also between them: `LEAST` or more."""
    low, high = axis.get_view_interval()
    for ticks in _choices(low, high):
        ticks = ticks[(low <= ticks) & (ticks <= high)]
        if len(ticks) >= LEAST:
            break
    axis.set_ticks(ticks, labels=[f"{t:,g}" for t in ticks])
    axis.set_minor_formatter(NullFormatter())


def _choices(low: float, high: float) -> Iterator[np.ndarray]:
    """Places of ticks, closer and closer."""
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    if high > 10**2.5 * low:
        yield powers
    yield np.outer(powers, [1, 2, 5]).ravel()
    yield np.outer(powers, [1, 2, 3, 5, 7]).ravel()
    # Over so little a logarithmic axis is nearly a linear one.
    yield MaxNLocator(2 * LEAST, steps=[1, 2, 5, 10], min_n_ticks=LEAST).tick_values(low, high)
