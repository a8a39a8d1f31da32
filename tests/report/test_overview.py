"""The first screen: one row per model."""

import numpy as np
import pandas as pd
import pytest

from tutti.core.tidy import COLUMNS, check
from tutti.report.overview import overviews


def tidy(rows):
    """A tidy table of (model, seed, metric, subset, value, published) in the unit of a share."""
    names = ["model", "seed", "metric", "subset", "value", "published"]
    table = pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows])
    fixed = dict(dataset="qm9_demo", n=100, unit="1", note="")
    fixed |= dict(ci_low=table["value"] - 0.1, ci_high=table["value"] + 0.1)
    return check(table.assign(**fixed)[COLUMNS])


@pytest.fixture
def tables():
    nan = np.nan
    rows = [
        ("a", 0, "validity", "xyz2mol", 0.8, nan),
        ("a", 0, "validity", "lookup", 0.1, nan),
        ("b", 0, "validity", "xyz2mol", 0.9, nan),
        ("c", 0, "validity", "xyz2mol", nan, nan),
        ("d", 0, "validity", "xyz2mol", 0.5, nan),
        ("test_split", 0, "validity", "xyz2mol", 1.0, nan),
        ("a", 0, "validity_as_published", "xyz2mol", 0.7, 0.835),
    ]
    strain = tidy([(m, 0, "energy_drop_median", "xyz2mol", v, nan) for m, v in [("a", 30.0), ("b", 40.0)]])
    return {"validity": tidy(rows), "strain": strain.assign(unit="meV/atom")}


def test_values_intervals_ranks_and_shades(tables):
    (overview,) = overviews(tables)
    assert [(c["text"], c["unit"], c["better"]) for c in overview["columns"]] == [
        ("Valid", "%, xyz2mol", "higher"),
        ("Strain", "meV/atom, xyz2mol", "lower"),
    ]
    rows = {row.name: row for row in overview["rows"]}
    assert list(rows) == ["a", "a, published", "b", "d", "test split (control)"]
    assert [row.kind for row in rows.values()] == ["model", "published", "model", "model", "control"]
    valid, strain = rows["a"].cells
    assert (valid.text, valid.interval, valid.n, valid.rank, valid.shade) == (
        "80.0", "[70.0, 90.0]", "100", 2, 0.75,
    )  # fmt: skip
    # Less strain is better.
    assert (strain.rank, strain.shade) == (1, 1.0)
    assert (rows["b"].cells[1].rank, rows["b"].cells[1].shade) == (2, 0.0)
    assert rows["d"].cells[1].text == "–"
    # Controls are in no competition.
    assert (rows["test split (control)"].cells[0].rank, rows["test split (control)"].cells[0].shade) == (
        None,
        None,
    )
    assert [cell.text for cell in rows["a, published"].cells] == ["83.50", "–"]


def test_links_are_of_the_sets_that_are_shown(tables):
    (overview,) = overviews(tables, links={("qm9_demo", "a", 0)})
    links = {row.name: row.link for row in overview["rows"]}
    assert links["a"] == "qm9_demo/a/0" and not links["b"]


def test_seeds_are_ranked_apart(tables):
    more = tidy([("a", 1, "validity", "xyz2mol", 0.3, np.nan), ("b", 1, "validity", "xyz2mol", 0.2, np.nan)])
    tables["validity"] = pd.concat([tables["validity"], more], ignore_index=True)
    (overview,) = overviews(tables)
    ranks = {row.name: row.cells[0].rank for row in overview["rows"]}
    assert ranks["a, seed 0"] == 2 and ranks["a, seed 1"] == 1 and ranks["b, seed 1"] == 2


def test_a_run_of_controls_alone_has_no_overview(tables):
    only = tables["validity"]
    assert overviews({"validity": only[only["model"] == "test_split"]}) == []
    assert overviews({}) == []


def test_models_of_papers_alone_have_a_row(tables):
    theirs = tidy([("Symphony", 0, "validity_as_published", "xyz2mol", np.nan, 0.835)]).assign(dataset="qm9")
    tables["validity"] = pd.concat([tables["validity"], theirs], ignore_index=True)
    (overview,) = overviews(tables)
    rows = {row.name: row for row in overview["rows"]}
    assert [cell.text for cell in rows["Symphony, published"].cells] == ["83.50", "–"]
    assert rows["Symphony, published"].kind == "published" and "a" in rows
