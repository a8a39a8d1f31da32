"""Samples against the time of training."""

import numpy as np
import pandas as pd
import pytest

from tutti.figures import CONTROL, PALETTE, learning

from .observed import texts, tidy

NONE = "no value, see the table"
SHARES = {"share=0.25": 60.0, "share=0.5": 120.0, "share=1": 300.0}


@pytest.fixture
def table():
    times = [
        (m, "training_processor_time", s, k * t) for k, m in ((1, "a"), (2, "b")) for s, t in SHARES.items()
    ]
    shares = tidy(
        *(("a", "validity_as_published", s, v, 0.1) for s, v in zip(SHARES, (0.2, 0.5, 0.8), strict=True)),
        ("b", "validity_as_published", "share=1", 0.6),
        ("b", "validity_as_published", "share=0.5", 0.4),
        ("b", "validity_as_published", "share=0.25", np.nan),
        ("test_split", "validity_as_published", "data", 0.9, 0.05),
    )
    shares.loc[2, "published"] = 0.7
    distances = tidy(("a", "mmd_bond_length_full", "share=0.5", 0.3, 0.1), unit="dimensionless")
    return pd.concat([tidy(*times, unit="s"), shares, distances], ignore_index=True)


def curves(axes):
    """{colour: points} of the lines with markers."""
    return {line.get_color(): line.get_xydata() for line in axes.lines if line.get_marker() in ("o", "s")}


def test_numbers_stand_at_the_minutes_of_the_training(table, drawn, tmp_path):
    figure = drawn(learning.draw, table, tmp_path / "l")
    validity, distance = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "Valid as published (%)",
        "MMD of bond lengths\n(no\u00a0unit)",
    ]
    assert validity.get_xscale() == distance.get_xscale() == distance.get_yscale() == "log"
    np.testing.assert_allclose(curves(validity)[PALETTE[0]], [[1, 20], [2, 50], [5, 80]])
    np.testing.assert_allclose(curves(validity)[PALETTE[1]], [[4, 40], [10, 60]])
    np.testing.assert_allclose(curves(distance)[PALETTE[0]], [[2, 0.3]])
    bars = validity.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose(bars, [[[1, 10], [1, 30]], [[2, 40], [2, 60]], [[5, 70], [5, 90]]])


def test_the_control_and_published_values_are_levels(table, drawn, tmp_path):
    figure = drawn(learning.draw, table, tmp_path / "l")
    levels = {
        line.get_color(): line.get_ydata()
        for line in figure.axes[0].lines
        if len(set(line.get_xdata())) == 2 and line.get_marker() in ("None", "")
    }
    assert {colour: tuple(y) for colour, y in levels.items()} == {
        CONTROL: (90, 90),
        PALETTE[0]: pytest.approx((70, 70)),
    }
    band = figure.axes[0].patches[0].get_bbox()
    assert (band.y0, band.y1) == pytest.approx((85, 95))
    assert texts(figure) == ["a", "b", "test split (control)", "dashed: published", NONE]


def test_moments_without_a_number_are_crosses_above_the_panel(table, drawn, tmp_path):
    figure = drawn(learning.draw, table, tmp_path / "l")
    crosses = [[line for line in axes.lines if line.get_marker() == "x"] for axes in figure.axes]
    ((cross,), none) = crosses
    assert none == []  # the table has no such rows of the distances
    assert cross.get_color() == PALETTE[1] and cross.get_xdata().tolist() == [2]
    assert cross.get_transform() == figure.axes[0].get_xaxis_transform() and cross.get_ydata() > 1
    known = table[table["value"].notna()]
    assert NONE not in texts(drawn(learning.draw, known, tmp_path / "l"))


def test_no_number_is_said_so(table, drawn, tmp_path):
    figure = drawn(learning.draw, table[table["metric"] == "training_processor_time"], tmp_path / "l")
    assert [text.get_text() for text in figure.texts] == ["no number at any moment of a training"]


def test_two_drawings_have_the_same_bytes(table, same_bytes):
    same_bytes(lambda stem: learning.draw(table, stem))
