"""The figure of proportions."""

import numpy as np
import pandas as pd
import pytest

from tutti.core.tidy import COLUMNS
from tutti.figures import CONTROL, PAGE, PALETTE, validity

from .observed import texts


@pytest.fixture
def table():
    rows = [
        ("test_split", "qm9", 0, "validity", "xyz2mol", 0.99, 0.98, 1.0, 50, "1", np.nan, ""),
        ("edm", "qm9", 0, "validity", "xyz2mol", 0.8, 0.7, 0.9, 50, "1", 0.867, ""),
        ("edm", "qm9", 0, "validity", "lookup", 0.7, 0.6, 0.8, 50, "1", np.nan, ""),
        ("edm", "qm9", 0, "novelty", "lookup", np.nan, np.nan, np.nan, 0, "1", np.nan, "none valid"),
        ("edm", "qm9", 0, "jsd", "atom_types", 0.3, np.nan, np.nan, 50, "nat", np.nan, ""),
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_points_whiskers_and_published_values(table, drawn, tmp_path):
    figure = drawn(validity.draw, table, tmp_path / "validity")
    (axes,) = figure.axes  # neither the missing novelty nor the JSD, which is no fraction
    assert axes.get_xlabel() == "validity (%)"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["edm", "test split (control)"]
    whiskers = [segment[:, 0] for lines in axes.collections for segment in lines.get_segments()]
    np.testing.assert_allclose(whiskers, [[98, 100], [70, 90], [60, 80]])
    published = [line for line in axes.lines if line.get_markerfacecolor() == PAGE]
    points = [line for line in axes.lines if line not in published]
    np.testing.assert_allclose([line.get_xdata()[0] for line in points], [99, 80, 70])
    np.testing.assert_allclose([line.get_xdata()[0] for line in published], [86.7])
    assert [round(line.get_ydata()[0]) for line in points] == [1, 0, 0]
    assert [line.get_color() for line in points] == [CONTROL, PALETTE[0], PALETTE[0]]
    assert texts(figure) == ["xyz2mol", "lookup", "hollow: published"]


def test_what_the_matrix_compares_is_drawn_where_a_published_number_stands_beside_it(table, drawn, tmp_path):
    rows = table[table["metric"] == "validity"]
    more = [rows.assign(metric=name, published=np.nan) for name in ("strictly_valid", "valid_and_unique")]
    more.append(rows.assign(metric="validity_as_published"))
    figure = drawn(validity.draw, pd.concat([table, *more]), tmp_path / "validity")
    assert [axes.get_xlabel() for axes in figure.axes] == ["validity (%)", "validity as published (%)"]


def test_no_fraction_is_said_so(table, drawn, tmp_path):
    figure = drawn(validity.draw, table[table["unit"] == "nat"], tmp_path / "validity")
    assert [text.get_text() for text in figure.texts] == ["no share is defined"]


def test_too_many_subsets_are_an_error(table, tmp_path):
    many = pd.concat([table.iloc[:1].assign(subset=f"assigner {k}") for k in range(8)])
    with pytest.raises(ValueError, match="7 subsets apart, not 8"):
        validity.draw(many, tmp_path / "validity")


def test_two_drawings_have_the_same_bytes(table, same_bytes):
    same_bytes(lambda stem: validity.draw(table, stem))
