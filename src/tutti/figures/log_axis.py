"""Logarithmic axes with plain numbers."""

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import NullFormatter


def plain_labels(axis: Axis) -> None:
    """Plain numbers at the powers of ten, on a short logarithmic axis also at 2 and 5 times them."""
    low, high = np.log10(axis.get_view_interval())
    factors = (1, 2, 5) if high - low < 2.5 else (1,)
    ticks = [m * 10.0**k for k in range(int(np.floor(low)), int(np.ceil(high)) + 1) for m in factors]
    ticks = [t for t in ticks if low <= np.log10(t) <= high]
    axis.set_ticks(ticks, labels=[f"{t:,g}" for t in ticks])
    axis.set_minor_formatter(NullFormatter())
