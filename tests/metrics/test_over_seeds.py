"""Mean over seeds against a calculation by hand."""

import numpy as np
import pandas as pd
import pytest

from tutti import tables
from tutti.metrics.over_seeds import ALL_SEEDS, over_seeds_table


def rows(model, values, metric="validity", published=np.nan):
    records = [
        (model, "data", seed, metric, "lookup", value, np.nan, np.nan, 10, "1", published, "")
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(records, columns=tables.COLUMNS)


def test_mean_and_its_interval():
    table = over_seeds_table(rows("a", [0.5, 0.6, 0.7], published=0.9))
    (row,) = table.itertuples()
    error = 0.1 / np.sqrt(3)
    quantile = 4.302652729749462  # of Student's t with two degrees of freedom, 97.5 %
    assert row.value == pytest.approx(0.6)
    assert row.ci_low == pytest.approx(0.6 - quantile * error)
    assert row.ci_high == pytest.approx(0.6 + quantile * error)
    assert (row.n, row.seed, row.published) == (3, ALL_SEEDS, 0.9)
    assert "standard error 0.058" in row.note


def test_one_seed_and_undefined_values_are_left_out():
    table = over_seeds_table(
        pd.concat([rows("a", [0.5]), rows("b", [0.5, np.nan]), rows("c", [0.1, np.nan, 0.3])])
    )
    assert table["model"].tolist() == ["c"]
    assert table["n"].tolist() == [2]
