"""The figure of proportions."""

import numpy as np
import pandas as pd
import pytest

from tutti.core.tidy import COLUMNS
from tutti.figures import validity


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
    assert axes.get_title(loc="left") == "validity (%)"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["edm", "test split (control)"]
    whiskers, points, published = (axes.lines[k::3] for k in range(3))
    np.testing.assert_allclose([line.get_xdata() for line in whiskers], [[98, 100], [70, 90], [60, 80]])
    np.testing.assert_allclose([line.get_xdata()[0] for line in points], [99, 80, 70])
    np.testing.assert_allclose([line.get_xdata()[0] for line in published], [np.nan, 86.7, np.nan])
    assert [round(line.get_ydata()[0]) for line in points] == [1, 0, 0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["xyz2mol", "lookup", "published"]


def test_no_fraction_is_said_so(table, drawn, tmp_path):
    figure = drawn(validity.draw, table[table["unit"] == "nat"], tmp_path / "validity")
    assert [text.get_text() for text in figure.texts] == ["no share is defined"]


def test_too_many_subsets_are_an_error(table, tmp_path):
    many = pd.concat([table.iloc[:1].assign(subset=f"assigner {k}") for k in range(8)])
    with pytest.raises(ValueError, match="7 subsets apart, not 8"):
        validity.draw(many, tmp_path / "validity")


def test_two_drawings_have_the_same_bytes(table, same_bytes):
    same_bytes(lambda stem: validity.draw(table, stem))
