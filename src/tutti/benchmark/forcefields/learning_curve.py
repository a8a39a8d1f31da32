"""Errors against the number of training structures, and how steeply they fall."""

import numpy as np
import pandas as pd
from scipy import stats

from tutti.core import tidy
from tutti.statistics.blocks import t_interval
from tutti.statistics.estimate import UNKNOWN, Estimate, row, table_of

DATASET = r"^(?P<name>.+)@(?P<size>\d+)$"
"""Names of datasets of which a model saw only so many structures: `lips@100`."""

METRICS = ("energy_mae", "energy_rmse", "energy_mae_per_atom", "force_mae", "force_rmse", "mae", "rmse")
SLOPE = "_slope"
"""Ends the names of metrics that are slopes."""


def table(found: pd.DataFrame) -> pd.DataFrame:
    """Test errors by training-set size, and for each model and seed the slope of log(error) by log(size).

    Rows of the dataset `name@100` become rows of the dataset `name` with the subset `n_train=100`, those of
    properties with `homo;n_train=100`. The slope of `force_mae`, say, is `force_mae_slope`, with the
    t-interval of the least-squares line, for which three sizes are needed.

    Args:
        found: tables of `tutti.benchmark.forcefields.errors`; rows of other datasets and of training sets are
            left out.

    Returns:
        The tidy table, ordered by size; without rows when no dataset is named so.
    """
    curves = points(found)
    renamed = curves.assign(dataset=curves["name"], subset=_subsets(curves))
    slopes = [
        _slope(block)
        for _, block in curves.groupby(["name", "metric", "part", "model", "seed"], sort=False)
        if block["size"].nunique() > 1
    ]
    return tidy.join([renamed[tidy.COLUMNS], *slopes])


def points(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of test errors with the columns `name`, `size` (int) and `part` (property, or empty), by size."""
    found = tidy.check(found)
    found = found.join(found["dataset"].str.extract(DATASET))
    ours = found["name"].notna() & found["metric"].isin(METRICS) & ~found["subset"].str.contains(": ")
    ours &= found["subset"] != "train"
    found = found[ours].assign(size=found["size"][ours].astype(int))
    return found.assign(part=found["subset"].replace("test", "")).sort_values("size", kind="stable")


def _subsets(curves: pd.DataFrame) -> pd.Series:
    sizes = "n_train=" + curves["size"].astype(str)
    return sizes.where(curves["part"] == "", curves["part"] + ";" + sizes)


def _slope(block: pd.DataFrame) -> pd.DataFrame:
    """The table of one row: the slope of one curve [S >= 2 sizes]."""
    first, n, values = block.iloc[0], len(block), block["value"].to_numpy()
    found, remark = UNKNOWN, ""
    if (values > 0).all():
        line = stats.linregress(np.log(block["size"].to_numpy(float)), np.log(values))
        found, remark = Estimate(line.slope), "no interval from two sizes"
        if n > 2:
            found, remark = t_interval(line.slope, line.stderr, n - 2), f"least squares over {n} sizes"
    metric, subset = f"{first['metric']}{SLOPE}", first["part"] or "all"
    why = "an error is not known, or 0"
    made = row(metric, subset, found, n, "dimensionless", remark, undefined=why)
    return table_of([made], model=first["model"], dataset=first["name"], seed=first["seed"])
