"""Several training seeds of one model: mean and standard error."""

import pandas as pd
from scipy import stats

from tutti import tables

ALL_SEEDS = -1
"""In the column `seed` of the mean's rows."""

GROUP = ["model", "dataset", "metric", "subset", "unit"]


def over_seeds_table(table: pd.DataFrame) -> pd.DataFrame:
    """Mean over the seeds of every metric that has two or more, with the t-interval of the mean.

    Args:
        table: a tidy table with rows of several seeds; values that are not defined are left out.

    Returns:
        The tidy table, `n` the number of seeds; the note gives the standard error.
    """
    table = tables.check(table).dropna(subset="value")
    rows = []
    for key, block in table.groupby(GROUP, sort=False):
        values = block["value"].to_numpy()
        if len(values) < 2:
            continue
        error = stats.sem(values)
        half = stats.t.ppf(0.975, len(values) - 1) * error
        rows.append(
            {
                **dict(zip(GROUP, key, strict=True)),
                "value": values.mean(),
                "ci_low": values.mean() - half,
                "ci_high": values.mean() + half,
                "n": len(values),
                "published": block["published"].iloc[0],
                "note": f"mean over {len(values)} training seeds, standard error {error:.2g}",
            }
        )
    columns = [*GROUP, "value", "ci_low", "ci_high", "n", "published", "note"]
    return tables.check(pd.DataFrame(rows, columns=columns).assign(seed=ALL_SEEDS))
