"""The forest plot of differences."""

import numpy as np
import pandas as pd
import pytest

from tutti.figures import BAD, CONTROL, GOOD, differences


@pytest.fixture
def rows():
    columns = ["model", "metric", "subset", "unit", "difference", "ci_low", "ci_high", "verdict"]
    return pd.DataFrame(
        [
            ("edm", "validity", "xyz2mol", "1", 0.1, 0.05, 0.15, "better"),
            ("edm", "novelty", "xyz2mol", "1", -0.2, -0.3, -0.1, "worse"),
            ("edm", "uniqueness", "xyz2mol", "1", 0.0, np.nan, np.nan, "no interval"),
            ("edm", "mmd_bond_length", "mean", "dimensionless", 0.01, -0.1, 0.2, "no clear difference"),
        ],
        columns=columns,
    )


def test_each_unit_has_a_panel_around_zero(rows, drawn, tmp_path):
    figure = drawn(differences.draw, rows, tmp_path / "differences")
    shares, distances = figure.axes
    labels = [[label.get_text() for label in axes.get_yticklabels()] for axes in figure.axes]
    assert labels == [["validity, xyz2mol", "novelty, xyz2mol"], ["MMD bond length, mean"]]
    zero, *lines = shares.lines
    assert list(zero.get_xdata()) == [0, 0]
    np.testing.assert_allclose([line.get_xdata() for line in lines[::2]], [[5, 15], [-30, -10]])
    np.testing.assert_allclose([line.get_xdata()[0] for line in lines[1::2]], [10, -20])
    assert [line.get_color() for line in lines[1::2]] == [GOOD, BAD]
    assert [line.get_marker() for line in lines[1::2]] == ["^", "v"]
    assert distances.lines[2].get_color() == CONTROL
    left, right = shares.get_xlim()
    assert left == -right < -30
    assert [axes.get_xlabel() for axes in figure.axes] == ["percentage points", "difference"]
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == ["better", "worse", "no clear difference"]


def test_several_models_are_named(rows, drawn, tmp_path):
    both = pd.concat([rows.iloc[:1], rows.iloc[:1].assign(model="symphony")])
    (axes,) = drawn(differences.draw, both, tmp_path / "differences").axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["edm: validity, xyz2mol", "symphony: validity, xyz2mol"]


def test_nothing_to_draw_is_said_so(rows, drawn, tmp_path):
    figure = drawn(differences.draw, rows.iloc[2:3], tmp_path / "differences")
    assert "no headline number" in figure.texts[0].get_text()


def test_two_drawings_have_the_same_bytes(rows, same_bytes):
    same_bytes(lambda stem: differences.draw(rows, stem))
