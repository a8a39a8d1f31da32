"""The matrix of validity and its ranks."""

import numpy as np
import pandas as pd
import pytest

from tutti.benchmark.metrics.validity_ranks import ranks
from tutti.figures import validity_matrix
from tutti.report import tables

from .observed import tidy


@pytest.fixture
def table():
    return tidy(
        ("test_split", "validity", "xyz2mol", 0.99),
        ("test_split", "strictly_valid", "lookup", 0.9),
        ("a", "validity", "xyz2mol", 0.8),
        ("a", "uniqueness", "xyz2mol", 0.1),
        ("a", "strictly_valid", "lookup", 0.3),
        ("a", "validity", "lookup", 0.7),
        ("b", "validity", "xyz2mol", 0.7),
        ("b", "strictly_valid", "lookup", 0.5),
        ("b", "validity", "lookup", 0.7),
        ("c", "validity", "xyz2mol", 0.6),
        ("c", "strictly_valid", "lookup", 0.4),
        ("c", "validity", "lookup", np.nan),
    )


def by_model(ranked, metric, subset):
    chosen = ranked[(ranked["metric"] == metric) & (ranked["subset"] == subset)]
    return dict(zip(chosen["model"], chosen["value"], strict=True))


def test_ranks_against_hand_made_ones(table):
    ranked = ranks(table)
    assert by_model(ranked, "validity_rank", "xyz2mol") == {"a": 1, "b": 2, "c": 3}
    assert by_model(ranked, "strictly_valid_rank", "lookup") == {"a": 3, "b": 1, "c": 2}
    assert by_model(ranked, "validity_rank", "lookup") == {"a": 1, "b": 1}  # a tie; c has no value
    assert ranked.loc[ranked["metric"] == "validity_rank", "n"].tolist() == [3, 2, 3, 2, 3]
    changed = ranked[ranked["note"] == "another rank than by validity of xyz2mol"]
    assert set(zip(changed["model"], changed["metric"], changed["subset"], strict=True)) == {
        ("a", "strictly_valid_rank", "lookup"),
        ("b", "strictly_valid_rank", "lookup"),
        ("b", "validity_rank", "lookup"),
        ("c", "strictly_valid_rank", "lookup"),
    }
    assert "3 (3) ¹" in tables.markdown(ranked)


def test_models_are_ranked_within_their_dataset(table):
    other = table.assign(dataset="qm7", value=1 - table["value"])
    ranked = ranks(pd.concat([table, other], ignore_index=True))
    first = ranked[(ranked["metric"] == "validity_rank") & (ranked["subset"] == "xyz2mol")]
    assert dict(zip(zip(first["dataset"], first["model"], strict=True), first["value"], strict=True)) == {
        ("qm9", "a"): 1, ("qm9", "b"): 2, ("qm9", "c"): 3,
        ("qm7", "a"): 3, ("qm7", "b"): 2, ("qm7", "c"): 1,
    }  # fmt: skip


def test_one_model_has_no_rank(table, drawn, tmp_path):
    alone = table[table["model"].isin(["a", "test_split"])]
    ranked = ranks(alone)
    assert ranked["value"].isna().all()
    assert set(ranked["note"]) == {"undefined: a rank needs two models"}
    figure = drawn(validity_matrix.draw, alone, tmp_path / "matrix")
    assert not any("rank" in text.get_text() for text in figure.axes[0].texts)


def test_controls_alone_are_a_matrix_too(table, drawn, tmp_path):
    alone = table[table["model"] == "test_split"]
    assert ranks(alone).empty
    figure = drawn(validity_matrix.draw, alone, tmp_path / "matrix")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["test split (control)"]


def test_rows_columns_and_cells(table, drawn, tmp_path):
    figure = drawn(validity_matrix.draw, table, tmp_path / "matrix")
    (axes,) = figure.axes
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["a", "b", "c", "test split (control)"]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "validity",
        "validity",
        "strictly\nvalid",
    ]
    places = {axes.get_yticks()[k]: row for k, row in enumerate(rows)}
    cells = {}
    for text in axes.texts:
        x, y = text.get_position()
        if row := next((row for place, row in places.items() if abs(place - y) < 0.4), None):
            column = int(np.argmin(np.abs(np.asarray(axes.get_xticks()) - x)))
            cells.setdefault((row, column), []).append(text.get_text())
    assert {row: [cells[row, k] for k in range(3)] for row in "abc"} == {
        "a": [["80.0", "rank 1"], ["70.0", "rank 1"], ["30.0", "rank 3 ▼2"]],
        "b": [["70.0", "rank 2"], ["70.0", "rank 1 ▲1"], ["50.0", "rank 1 ▲1"]],
        "c": [["60.0", "rank 3"], ["–"], ["40.0", "rank 2 ▲1"]],
    }
    assert [cells.get((rows[3], k)) for k in range(3)] == [["99.0"], None, ["90.0"]]
    assert len(axes.patches) == 11  # no cell where the table has no row
    # The control stands apart.
    assert np.diff(axes.get_yticks()).tolist() == pytest.approx([1, 1, 1 + validity_matrix.GAP])


def test_another_table_is_an_error(table, tmp_path):
    other = table[table["metric"] == "uniqueness"]
    for function in (ranks, lambda t: validity_matrix.draw(t, tmp_path / "matrix")):
        with pytest.raises(ValueError, match="the table has none of validity, valid_and_connected"):
            function(other)


def test_two_drawings_have_the_same_bytes(table, same_bytes):
    same_bytes(lambda stem: validity_matrix.draw(table, stem))
