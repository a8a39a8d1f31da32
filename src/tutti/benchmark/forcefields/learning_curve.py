"""Errors against the number of training structures, and how steeply they fall."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from tutti.benchmark import published
from tutti.core import tidy
from tutti.statistics.blocks import t_interval
from tutti.statistics.estimate import UNKNOWN, Estimate, joined, row, table_of

DATASET = r"^(?P<name>.+)@(?P<size>\d+)$"
"""Names of datasets of which a model saw only so many structures: `lips@100`."""

METRICS = ("energy_mae", "energy_rmse", "energy_mae_per_atom", "force_mae", "force_rmse", "mae", "rmse")
SLOPE = "_slope"
"""Ends the names of metrics that are slopes."""
DIFFERENCE = f"{SLOPE}_difference"
"""Ends the names of those that are differences to the slope of the first model."""
TRAINED_ON = {("qm9", "SchNet"): 110_000, ("rmd17", "NequIP(l=3)"): 950}
"""Structures that published errors were trained on, by the papers' names of dataset and model: Schütt et al.
2017, Table I; Batzner et al. 2022, 950 of the 1,000 of a split, of which 50 validate."""


def table(
    found: pd.DataFrame,
    datasets: Mapping[str, str] | None = None,
    models: Mapping[str, str] | None = None,
    subsets: Mapping[str, Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """Test errors by training-set size, and for each model and seed the slope of log(error) by log(size).

    Rows of the dataset `name@100` become rows of the dataset `name` with the subset `n_train=100`, those of
    properties with `homo;n_train=100`. The slope of `force_mae`, say, is `force_mae_slope`, with the
    t-interval of the least-squares line, for which three sizes are needed. `force_mae_slope_difference` is a
    model's slope less that of the first one of the same seed, with the t-interval of the line through the
    logarithms of the ratios of their errors. Published errors stand at the size that they were trained on,
    where it is known (`TRAINED_ON`).

    Args:
        found: tables of `tutti.benchmark.forcefields.errors`; rows of other datasets and of training sets are
            left out.
        datasets: published names, see `tutti.benchmark.published.fill`.
        models: published names.
        subsets: published names.

    Returns:
        The tidy table, ordered by size; without rows when no dataset is named so.
    """
    curves = points(found)
    renamed = curves.assign(dataset=curves["name"], subset=_subsets(curves))[tidy.COLUMNS]
    names = {"datasets": datasets or {}, "models": models or {}, "subsets": subsets or {}}
    blocks = [block for _, block in curves.groupby(["name", "metric", "part", "model", "seed"], sort=False)]
    slopes = [_slope(block) for block in blocks if block["size"].nunique() > 1]
    return tidy.join([_beside_published(renamed, curves, names), *slopes, *_differences(blocks)])


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


def _beside_published(
    table: pd.DataFrame, curves: pd.DataFrame, names: Mapping[str, Mapping]
) -> pd.DataFrame:
    """The errors with the published ones: beside ours of the same size, else in rows without a value."""
    papers = _published(curves, names).set_index(tidy.KEY)
    key = table.set_index(tidy.KEY).index
    same = papers.reindex(key)[["published", "note"]].set_axis(table.index)
    notes = [
        joined(ours, theirs) for ours, theirs in zip(table["note"], same["note"].fillna(""), strict=True)
    ]
    table = table.assign(published=table["published"].fillna(same["published"]), note=notes)
    return tidy.join([table, papers[~papers.index.isin(key)].reset_index()])


def _published(curves: pd.DataFrame, names: Mapping[str, Mapping]) -> pd.DataFrame:
    """A row without a value of ours for each curve that has a published error of a known size."""
    ends = curves.drop_duplicates(["name", "metric", "part", "model", "seed"]).reset_index(drop=True)
    nothing = dict.fromkeys(["value", "ci_low", "ci_high"], np.nan) | {"n": pd.NA, "note": ""}
    sought = ends.assign(dataset=ends["name"], subset=ends["part"].replace("", "test"), **nothing)
    found = published.fill(sought[tidy.COLUMNS], **names)
    sizes = {tuple(map(published.slug, key)): size for key, size in TRAINED_ON.items()}
    theirs = found[["dataset", "model"]].replace({"dataset": names["datasets"], "model": names["models"]})
    found["size"] = [sizes.get(tuple(map(published.slug, key))) for key in theirs.itertuples(index=False)]
    found = found.assign(part=ends["part"]).dropna(subset=["published", "size"]).astype({"size": int})
    return found.assign(subset=_subsets(found))[tidy.COLUMNS]


def _slope(block: pd.DataFrame) -> pd.DataFrame:
    """The table of one row: the slope of one curve [S >= 2 sizes]."""
    return _fitted(block, SLOPE, block["size"], block["value"])


def _differences(blocks: list[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """How much steeper curves are than that of the first model of the same data, metric and seed."""
    firsts: dict[tuple, pd.DataFrame] = {}
    for block in sorted(blocks, key=lambda block: block.index.min()):  # as they were named
        key = tuple(block.iloc[0][["name", "metric", "part", "seed"]])
        first = firsts.setdefault(key, block)
        both = block.merge(first[["size", "value"]], on="size", suffixes=("", "_of_first"))
        if first is not block and both["size"].nunique() > 1:
            remark = f"less that of {first['model'].iloc[0]}, from the ratios of the errors"
            yield _fitted(block, DIFFERENCE, both["size"], both["value"] / both["value_of_first"], remark)


def _fitted(
    block: pd.DataFrame, ending: str, sizes: pd.Series, values: pd.Series, *remarks: str
) -> pd.DataFrame:
    """The table of one row: the slope of log(value) by log(size) [S >= 2]."""
    first, n = block.iloc[0], len(sizes)
    found, remark = UNKNOWN, ""
    if ((values > 0) & np.isfinite(values)).all():
        line = stats.linregress(np.log(sizes.to_numpy(float)), np.log(values.to_numpy()))
        found, remark = Estimate(line.slope), "no interval from two sizes"
        if n > 2:
            found, remark = t_interval(line.slope, line.stderr, n - 2), f"least squares over {n} sizes"
    metric, subset = f"{first['metric']}{ending}", first["part"] or "all"
    why = "an error is not known, or 0"
    made = row(metric, subset, found, n, "dimensionless", remark, *remarks, undefined=why)
    return table_of([made], model=first["model"], dataset=first["name"], seed=first["seed"])
