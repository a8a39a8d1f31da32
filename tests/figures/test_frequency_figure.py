"""Shares on a logarithmic axis."""

import numpy as np
import pytest
from scipy.stats import binomtest

from tutti.figures import frequencies

from .observed import texts

COUNTS = {
    "training_split": {"H": 5000, "C": 4000, "F": 0, "O": 1000},
    "a": {"C": 30, "H": 60, "N": 10},
    "b": {"H": 7},
}


def test_shares_and_intervals(drawn, tmp_path):
    figure = drawn(frequencies.draw, COUNTS, tmp_path / "types", "element", "share (%)")
    (axes,) = figure.axes
    # In the order of the reference, then what only the models have; nobody has fluorine.
    assert [label.get_text() for label in axes.get_xticklabels()] == ["H", "C", "O", "N"]
    assert axes.get_yscale() == "log"
    levels, intervals, *_ = axes.collections
    np.testing.assert_allclose(
        levels.get_segments(),
        [[[k - 0.4, share], [k + 0.4, share]] for k, share in enumerate([0.5, 0.4, 0.1])],
    )
    interval = binomtest(5000, 10000).proportion_ci(method="wilson")
    area = axes.patches[0].get_bbox()
    np.testing.assert_allclose([area.y0, area.y1], [interval.low, interval.high])
    a, b = axes.lines
    np.testing.assert_allclose(a.get_ydata(), [0.6, 0.3, 0.1])
    np.testing.assert_allclose(b.get_ydata(), [1.0])
    interval = binomtest(30, 100).proportion_ci(method="wilson")
    np.testing.assert_allclose(intervals.get_segments()[1][:, 1], [interval.low, interval.high])
    # One model stands left of the kind, the other right.
    assert a.get_xdata()[0] < 0 < b.get_xdata()[0]


def test_zeros_are_said(drawn, tmp_path):
    figure = drawn(frequencies.draw, COUNTS, tmp_path / "types", "element", "share (%)")
    (axes,) = figure.axes
    # a has no oxygen; b has neither carbon nor oxygen nor nitrogen.
    assert [text.get_text() for text in axes.texts] == ["0"] * 4
    assert np.round([text.xy[0] for text in axes.texts]).tolist() == [2, 1, 2, 3]
    assert texts(figure) == ["training split (control)", "a", "b", "0: none found"]


def test_ring_sizes_ascend(drawn, tmp_path):
    counts = {"training_split": {"6": 50, "5": 100, "10": 1}, "a": {"3": 5, "5": 1}}
    figure = drawn(frequencies.draw, counts, tmp_path / "rings", "ring size", "share (%)")
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["3", "5", "6", "10"]
    whole = {"training_split": {"6": 50}, "a": {"6": 1}}
    assert texts(drawn(frequencies.draw, whole, tmp_path / "rings", "ring size", "share (%)")) == [
        "training split (control)",
        "a",
    ]


def test_a_model_without_anything_is_zero_everywhere(drawn, tmp_path):
    counts = {"training_split": {"6": 50, "5": 100}, "a": {}}
    figure = drawn(frequencies.draw, counts, tmp_path / "rings", "ring size", "share (%)")
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "0"]


def test_nothing_at_all_is_said_so(drawn, tmp_path):
    figure = drawn(
        frequencies.draw, {"training_split": {}, "a": {"3": 0}}, tmp_path / "rings", "ring size", "share (%)"
    )
    assert [text.get_text() for text in figure.texts] == ["ring size: none in any valid molecule"]


def test_negative_counts_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="cannot be negative"):
        frequencies.draw({"training_split": {"H": 3, "C": -1}}, tmp_path / "types", "element", "share (%)")


def test_two_drawings_have_the_same_bytes(same_bytes):
    same_bytes(lambda stem: frequencies.draw(COUNTS, stem, "element", "share (%)"))
