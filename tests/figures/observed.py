"""Observations and tables made up for the figures."""

import numpy as np
import pandas as pd

from tutti.core.tidy import COLUMNS
from tutti.statistics.observations import Observations


def observed(values, n_molecules=None) -> Observations:
    """One observation per molecule; `values` [n] or [n, d]."""
    values = np.asarray(values, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    return Observations(values, np.arange(len(values)), n_molecules or len(values))


def tidy(*rows, unit="1") -> pd.DataFrame:
    """A tidy table of one dataset from (model, metric, subset, value[, half the interval's width])."""
    rows = [row if len(row) == 5 else (*row, np.nan) for row in rows]
    return pd.DataFrame(
        [(m, "qm9", 0, metric, s, v, v - h, v + h, 100, unit, np.nan, "") for m, metric, s, v, h in rows],
        columns=COLUMNS,
    )


def texts(figure) -> list[str]:
    """All texts of the first legend."""
    return [text.get_text() for text in figure.legends[0].get_texts()]
