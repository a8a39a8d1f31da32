"""Ticks of logarithmic axes."""

import pytest
from matplotlib.figure import Figure

from tutti.figures.log_axis import plain_labels


@pytest.mark.parametrize(
    ("ends", "labels"),
    [
        ((0.5, 2e4), ["1", "10", "100", "1,000", "10,000"]),
        ((0.02, 0.3), ["0.02", "0.05", "0.1", "0.2"]),
        ((0.23, 0.85), ["0.3", "0.5", "0.7"]),
        ((46, 59), ["46", "48", "50", "52", "54", "56", "58"]),
    ],
)
def test_shorter_axes_have_closer_ticks(ends, labels):
    axes = Figure().subplots()
    axes.set(yscale="log", ylim=ends)
    plain_labels(axes.yaxis)
    assert [text.get_text() for text in axes.get_yticklabels()] == labels
    assert axes.get_ylim() == ends
