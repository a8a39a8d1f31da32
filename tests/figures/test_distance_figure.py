"""Distances beside their floors."""

import numpy as np
import pytest

from tutti.figures import PAGE, distances

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
    """Line by place, of all points."""
    return {x: line for line in axes.lines for x in line.get_xdata()}


def test_full_values_floors_and_p_values(table, drawn, tmp_path):
    figure = drawn(distances.draw, table, tmp_path / "distances")
    mmd, jsd = figure.axes
    assert [axes.get_xlabel() for axes in figure.axes] == ["MMD full (no unit)", "JSD (no unit)"]
    assert [label.get_text() for label in mmd.get_yticklabels()] == ["C-H:1.0", "C-O:2.0", "mean"]
    assert mmd.get_xscale() == "log"
    drawn_points = points(mmd)
    assert set(drawn_points) == {0.02, 0.25, 0.6, 0.4, 0.03}  # 0.3 is the papers' protocol
    hollow = {x for x, line in drawn_points.items() if line.get_markerfacecolor() == PAGE}
    assert hollow == {0.02}
    assert {x for x, line in drawn_points.items() if line.get_marker() == "|"} == {0.4, 0.03}
    intervals = [segment[:, 0] for lines in mmd.collections for segment in lines.get_segments()]
    np.testing.assert_allclose(intervals, [[0.2, 0.3]])
    floors = [bar.get_x() + bar.get_width() for bar in mmd.patches if bar.get_width() < 0.3]
    assert 0.01 in np.round(floors, 12)
    (zero,) = jsd.lines
    assert zero.get_marker() == "<"
    assert zero.get_xdata()[0] == jsd.get_xlim()[0]
    names = ["a", "test split (control)", "floor: chance alone", "hollow: p ≥ 0.05", "no p-value"]
    assert texts(figure) == [*names, "below the axis"]


@pytest.mark.parametrize("tiny", [0.0, -1e-4, 1e-17, 0.004])
def test_the_axis_starts_below_the_least_floor_whatever_lies_under_it(table, drawn, tmp_path, tiny):
    table.loc[(table["metric"] == "mmd_full") & (table["value"] == 0.02), "value"] = tiny
    mmd, jsd = drawn(distances.draw, table, tmp_path / "distances").axes
    assert (mmd.get_xlim()[0], jsd.get_xlim()[0]) == pytest.approx((0.005, 0.001))
    (arrow,) = (line for line in mmd.lines if line.get_marker() == "<")
    assert arrow.get_xdata() == [mmd.get_xlim()[0]] and not arrow.get_clip_on()


def test_without_floors_an_axis_spans_four_decades_at_most(drawn, tmp_path):
    table = tidy(("a", "mmd", "x", 0.5), ("b", "mmd", "x", 1e-17))
    (axes,) = drawn(distances.draw, table, tmp_path / "distances").axes
    assert axes.get_xlim()[0] == pytest.approx(0.5e-4)


def test_variants_of_a_drawn_distance_are_left_to_the_table(drawn, tmp_path):
    rows = [
        ("a", name, "x", 0.5) for name in ("mmd_b", "mmd_b_full", "mmd_b_even", "mmd_b_even_full", "mmd_c")
    ]
    figure = drawn(distances.draw, tidy(*rows, unit="dimensionless"), tmp_path / "distances")
    assert [axes.get_xlabel() for axes in figure.axes] == ["MMD b full (no unit)", "MMD c (no unit)"]


def test_no_distance_is_said_so(table, drawn, tmp_path):
    figure = drawn(distances.draw, table[table["metric"] == "mmd_p_value"], tmp_path / "distances")
    assert [text.get_text() for text in figure.texts] == ["no distance is defined"]


def test_two_drawings_have_the_same_bytes(table, same_bytes):
    same_bytes(lambda stem: distances.draw(table, stem))
