"""Several training seeds of one model: mean and standard error."""

import numpy as np
import pandas as pd
from scipy import stats

from tutti import tables

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
    table = tables.check(table).dropna(subset="value")
    table = table[~table["metric"].str.contains(LEFT_OUT)]
    rows = []
    for key, block in table.groupby(GROUP, sort=False):
        values = block["value"].to_numpy()
        if len(values) < 2:
            continue
        error = stats.sem(values)
        half = stats.t.ppf(0.975, len(values) - 1) * error
        interval = values.mean() + np.array([-half, half])
        named = dict(zip(GROUP, key, strict=True))
        low, high = interval.clip(0, 1) if named["unit"] == "1" else interval
        note = f"mean over {len(values)} training seeds, standard error {error:.2g}"
        rows.append(
            {
                **named,
                "value": values.mean(),
                "ci_low": low,
                "ci_high": high,
                "n": len(values),
                "published": block["published"].iloc[0],
                "note": "; ".join([note, *_sources(block["note"].iloc[0])]),
            }
        )
    columns = [*GROUP, "value", "ci_low", "ci_high", "n", "published", "note"]
    return tables.check(pd.DataFrame(rows, columns=columns).assign(seed=ALL_SEEDS))


def _sources(note: str) -> list[str]:
    """The remarks that belong to the published value."""
    return [remark for remark in tables.split_remarks(note) if remark.startswith(tables.PUBLISHED)]
