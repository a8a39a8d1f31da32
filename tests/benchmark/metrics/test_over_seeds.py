"""Mean over seeds against a calculation by hand."""

import numpy as np
import pandas as pd
import pytest

from tutti.benchmark.metrics.over_seeds import ALL_SEEDS, over_seeds_table
from tutti.core import tidy


def rows(model, values, metric="validity", published=np.nan, unit="1", note=""):
    records = [
        (model, "data", seed, metric, "lookup", value, np.nan, np.nan, 10, unit, published, note)
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(records, columns=tidy.COLUMNS)


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


def test_intervals_of_fractions_end_at_0_and_1():
    """Two seeds: the half-width is 12.7 standard errors, 0.13 here."""
    both = [rows("low", [0.01, 0.03]), rows("high", [0.97, 0.99]), rows("longer", [0.01, 0.03], unit="s")]
    table = over_seeds_table(pd.concat(both)).set_index("model")
    half = 12.706204736432095 * 0.01
    assert table.loc["low", ["ci_low", "ci_high"]].tolist() == pytest.approx([0, 0.02 + half])
    assert table.loc["high", ["ci_low", "ci_high"]].tolist() == pytest.approx([0.98 - half, 1])
    assert table.loc["longer", ["ci_low", "ci_high"]].tolist() == pytest.approx([0.02 - half, 0.02 + half])


def test_p_values_floors_and_memory_are_left_out():
    names = ("jsd", "jsd_floor", "jsd_p_value", "mmd_bond_length_paper_floor", "peak_memory", "p_value_of")
    table = over_seeds_table(pd.concat([rows("a", [0.1, 0.3], metric=name) for name in names]))
    assert table["metric"].tolist() == ["jsd", "p_value_of"]


def test_the_source_of_the_published_value_stays_and_other_remarks_go():
    source = "published for another dataset (qm9): Symphony paper, table 1"
    (row,) = over_seeds_table(
        rows("a", [0.5, 0.6], published=0.9, note=f"some remark; {source}")
    ).itertuples()
    assert row.note == f"mean over 2 training seeds, standard error 0.05; {source}"
    assert row.published == 0.9
