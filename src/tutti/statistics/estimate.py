"""A number with its interval, and the rows and tables that such numbers become."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import pandas as pd

from tutti.core.tidy import COLUMNS, check

Row = dict[str, object]
"""A row of a tidy table without model, dataset and seed."""


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval (NaN: unknown)."""

    value: float
    low: float = math.nan
    high: float = math.nan

    def scaled(self, factor: float) -> Self:
        """The same in another unit; the factor is positive."""
        return type(self)(factor * self.value, factor * self.low, factor * self.high)


UNKNOWN = Estimate(math.nan)


def row(
    metric: str,
    subset: str,
    estimate: Estimate,
    n: int | None,
    unit: str,
    *remarks: str,
    undefined: str = "",
    published: float = math.nan,
) -> Row:
    """The row of a number.

    Args:
        metric: of the row.
        subset: of the row.
        estimate: the number.
        n: how many observations it is made from; None where nothing is counted.
        unit: of the row.
        remarks: for the note; empty ones are left out.
        undefined: why the value is NaN, if it is.
        published: the papers' number, in the same unit.

    Raises:
        ValueError: when the value is NaN without a reason, and nothing is published either.
    """
    if math.isnan(estimate.value) and math.isnan(published) and not undefined:
        raise ValueError(f"{metric}, {subset}: an undefined value needs a reason")
    reason = f"undefined: {undefined}" if undefined and math.isnan(estimate.value) else ""
    return {
        "metric": metric,
        "subset": subset,
        "value": estimate.value,
        "ci_low": estimate.low,
        "ci_high": estimate.high,
        "n": n,
        "unit": unit,
        "published": published,
        "note": joined(reason, *remarks),
    }


def joined(*remarks: str) -> str:
    """The remarks that are not empty, as a note."""
    return "; ".join(filter(None, remarks))


def table_of(rows: Iterable[Row], *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """The rows as a checked tidy table.

    Raises:
        ValueError: when two rows have the same key.
    """
    key = {"model": model, "dataset": dataset, "seed": seed}
    frame = pd.DataFrame([each | key for each in rows])
    return check(frame if len(frame) else pd.DataFrame(columns=COLUMNS))
