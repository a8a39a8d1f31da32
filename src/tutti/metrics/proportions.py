"""Rows of the tidy tables for counts out of a denominator."""

import math
from dataclasses import dataclass

import pandas as pd

from tutti import tables
from tutti.metrics.intervals import wilson


@dataclass(frozen=True)
class Proportion:
    """One metric that is a share.

    Attributes:
        metric: its name in the table.
        successes: how many.
        n: out of how many: the denominator.
        of: what the denominator counts, in words.
        note: remark for the table, or empty.
    """

    metric: str
    successes: int
    n: int
    of: str
    note: str = ""

    def row(self) -> dict[str, object]:
        """Its columns of the tidy table: a fraction with its 95 % Wilson interval; NaN when `n` is 0."""
        low, high = wilson(self.successes, self.n)
        remarks = [f"of {self.of}" if self.n else f"undefined: no {self.of}"]
        if self.note:
            remarks.append(self.note)
        return {
            "metric": self.metric,
            "value": self.successes / self.n if self.n else math.nan,
            "ci_low": low,
            "ci_high": high,
            "n": self.n,
            "unit": "1",
            "published": math.nan,
            "note": "; ".join(remarks),
        }


def table(proportions: list[Proportion], *, model: str, dataset: str, seed: int, subset: str) -> pd.DataFrame:
    """The tidy table of some proportions of one model."""
    where = {"model": model, "dataset": dataset, "seed": seed, "subset": subset}
    return tables.check(pd.DataFrame([{**where, **proportion.row()} for proportion in proportions]))
