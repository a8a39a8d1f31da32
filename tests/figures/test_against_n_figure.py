"""Curves against the number of molecules."""

import numpy as np
import pandas as pd
import pytest

from tutti.figures import CONTROL, PALETTE, against_n

from .observed import texts, tidy


@pytest.fixture
def table():
    shares = tidy(
        ("test_split", "uniqueness", "n=100", 1.0),
        ("a", "uniqueness", "n=1000", 0.8),
        ("a", "uniqueness", "n=200", 0.9),
        ("a", "uniqueness", "all", 0.5),
        ("b", "uniqueness", "n=100", np.nan),
        ("b", "novelty", "n=100", 0.3),
    )
    return pd.concat([shares, tidy(("a", "mmd", "n=200", 0.04, 0.01), unit="dimensionless")])


def test_lines_panels_and_bands(table, drawn, tmp_path):
    figure = drawn(against_n.draw, table, tmp_path / "n")
    names = ["uniqueness (%)", "novelty (%)", "MMD (no\u00a0unit)"]
    assert [axes.get_ylabel() for axes in figure.axes] == names
    assert all(axes.get_xscale() == "log" for axes in figure.axes)
    uniqueness, novelty, mmd = figure.axes
    a, control = sorted(uniqueness.lines, key=lambda line: line.get_color() == CONTROL)
    np.testing.assert_allclose(a.get_xydata(), [[200, 90], [1000, 80]])
    np.testing.assert_allclose(control.get_xydata(), [[100, 100]])
    assert (control.get_color(), a.get_color()) == (CONTROL, PALETTE[0])
    np.testing.assert_allclose(novelty.lines[0].get_xydata(), [[100, 30]])
    band = mmd.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((0.03, 0.05))
    assert texts(figure) == ["a", "b", "test split (control)"]


def test_no_curve_is_said_so(table, drawn, tmp_path):
    figure = drawn(against_n.draw, table[table["subset"] == "all"], tmp_path / "n")
    assert [text.get_text() for text in figure.texts] == ["no value for any number of molecules"]


def test_two_drawings_have_the_same_bytes(table, same_bytes):
    same_bytes(lambda stem: against_n.draw(table, stem))
