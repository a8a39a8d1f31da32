"""Distances beside their floors."""

import numpy as np
import pytest

from tutti.figures import distances

from .observed import texts, tidy


@pytest.fixture
def table():
    return tidy(
        ("test_split", "mmd_full", "C-H:1.0", 0.02),
        ("test_split", "mmd_full", "C-O:2.0", 0.6),
        ("test_split", "mmd_full", "mean", 0.03),
        ("test_split", "mmd_p_value", "C-H:1.0", 0.4),
        ("a", "mmd", "C-H:1.0", 0.3),
        ("a", "mmd_paper_floor", "C-H:1.0", 0.04),
        ("a", "mmd_full", "C-H:1.0", 0.25, 0.05),
        ("a", "mmd_full_floor", "C-H:1.0", 0.01),
        ("a", "mmd_p_value", "C-H:1.0", 0.001),
        ("test_split", "mmd_p_value", "C-O:2.0", 0.001),
        ("a", "mmd_full", "C-O:2.0", np.nan),
        ("a", "mmd_full", "mean", 0.4),
        ("a", "mmd_full", "N-O:1.0", np.nan),
        ("a", "jsd", "atom_types", 0.0),
        ("a", "jsd_floor", "atom_types", 0.002),
        unit="dimensionless",
    )


def points(axes):
    return {line.get_xdata()[0]: line for line in axes.lines}


def test_full_values_floors_and_p_values(table, drawn, tmp_path):
    figure = drawn(distances.draw, table, tmp_path / "distances")
    mmd, jsd = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["MMD full", "JSD"]
    assert [label.get_text() for label in mmd.get_yticklabels()] == ["C-H:1.0", "C-O:2.0", "mean"]
    assert mmd.get_xscale() == "log"
    drawn_points = points(mmd)
    assert set(drawn_points) == {0.02, 0.25, 0.6, 0.4, 0.03}  # 0.3 is the papers' protocol
    hollow = {x for x, line in drawn_points.items() if line.get_markerfacecolor() == "white"}
    assert hollow == {0.02}
    assert {x for x, line in drawn_points.items() if line.get_marker() == "|"} == {0.4, 0.03}
    intervals = [segment[:, 0] for lines in mmd.collections for segment in lines.get_segments()]
    np.testing.assert_allclose(intervals, [[0.2, 0.3]])
    floors = [bar.get_x() + bar.get_width() for bar in mmd.patches if bar.get_width() < 0.3]
    assert 0.01 in np.round(floors, 12)
    (zero,) = jsd.lines
    assert zero.get_marker() == "<"
    assert zero.get_xdata()[0] == jsd.get_xlim()[0]
    legend = ["a", "test split (control)", "floor: chance alone", "hollow: p ≥ 0.05", "no p-value", "0"]
    assert texts(figure) == legend


def test_no_distance_is_said_so(table, drawn, tmp_path):
    figure = drawn(distances.draw, table[table["metric"] == "mmd_p_value"], tmp_path / "distances")
    assert [text.get_text() for text in figure.texts] == ["no distance is defined"]


def test_two_drawings_have_the_same_bytes(table, same_bytes):
    same_bytes(lambda stem: distances.draw(table, stem))
