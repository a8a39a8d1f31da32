"""Several training seeds of one model: mean and standard error."""

import numpy as np
import pandas as pd

from tutti.core import tidy
from tutti.statistics.blocks import around, standard_error
from tutti.statistics.estimate import Estimate, row, table_of

ALL_SEEDS = -1
"""In the column `seed` of the mean's rows."""

LEFT_OUT = r"_floor$|_p_value$|^peak_memory$"
"""Metrics of which a mean says nothing about the model."""

GROUP = ["model", "dataset", "metric", "subset", "unit"]


def over_seeds_table(table: pd.DataFrame) -> pd.DataFrame:
    """Mean over the seeds of every metric that has two or more, with the t-interval of the mean.

    Intervals of fractions (unit `1`) end at 0 and 1.

    Args:
        table: a tidy table with rows of several seeds; values that are not defined are left out, and so are
            the metrics that match `LEFT_OUT`.

    Returns:
        The tidy table, `n` the number of seeds; the note gives the standard error, and the source of the
        published value.
    """
    table = tidy.check(table).dropna(subset="value")
    table = table[~table["metric"].str.contains(LEFT_OUT)]
    blocks = table.groupby(GROUP, sort=False)
    return tidy.join(_mean(*key, block) for key, block in blocks if len(block) > 1)


def _mean(model: str, dataset: str, metric: str, subset: str, unit: str, block: pd.DataFrame) -> pd.DataFrame:
    """The table of one row: the mean over the seeds [S >= 2] of a block."""
    values, first = block["value"].to_numpy(), block.iloc[0]
    mean = around(values.mean(), values)
    if unit == "1":
        mean = Estimate(mean.value, *np.clip([mean.low, mean.high], 0, 1))
    note = f"mean over {len(values)} training seeds, standard error {standard_error(values):.2g}"
    remarks = [note, *_sources(first["note"])]
    made = row(metric, subset, mean, len(values), unit, *remarks, published=first["published"])
    return table_of([made], model=model, dataset=dataset, seed=ALL_SEEDS)


def _sources(note: str) -> list[str]:
    """The remarks that belong to the published value."""
    return [remark for remark in tidy.split_remarks(note) if remark.startswith(tidy.PUBLISHED)]
