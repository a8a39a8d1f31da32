"""Figures of fits on the sphere."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from tutti.benchmark.signals import study
from tutti.core.tidy import COLUMNS
from tutti.figures import PALETTE, octahedron, signals

from .observed import texts


def row(family, lmax, channels, value, dataset=study.RANDOM):
    names = (f"{family}_l{lmax}", dataset, 0, study.METRIC, f"channels={channels}")
    return (*names, value, 0.5 * value, 2 * value, 9, "nat", np.nan, "")


@pytest.fixture
def table():
    rows = [
        row(family, lmax, channels, 4.0 / lmax / channels)
        for family in ("symphony", "simm_without_norm")
        for lmax in (1, 2, 3)
        for channels in (1, 4)
    ]
    return pd.DataFrame([*rows, row("symphony", 4, 8, 1.0, study.OCTAHEDRON)], columns=COLUMNS)


@pytest.fixture(scope="module")
def fits():
    settings = {"sharpness": 20, "starts": 1, "iterations": 60}
    arguments = {"channels": [1, 2], "number": 1, "points": 5, "beta": -10, "settings": settings, "seed": 0}
    return [study.run(study.OCTAHEDRON, "symphony", lmax, **arguments) for lmax in (4, 1)]


@pytest.mark.parametrize(
    ("against", "draw", "titles", "ticks"),
    [
        ("channels", signals.by_channels, ["lmax 1", "lmax 2", "lmax 3"], ["1", "4"]),
        ("lmax", signals.by_lmax, ["1 channel", "4 channels"], ["1", "2", "3"]),
    ],
)
def test_lines_and_intervals(table, drawn, tmp_path, against, draw, titles, ticks):
    figure = drawn(draw, table, tmp_path / "signals")
    assert [axes.get_title(loc="left") for axes in figure.axes] == titles
    last = figure.axes[-1]
    assert [label.get_text() for label in last.get_xticklabels()] == ticks
    assert last.get_yscale() == "log" and last.get_xlabel() == against
    assert texts(figure) == ["Symphony", "Simm et al., without norm"]
    assert [each.lines[0].get_color() for each in last.containers] == PALETTE[:2]
    line = last.containers[0].lines[0].get_xydata()
    expected = [4 / 3, 1 / 3] if against == "channels" else [1, 1 / 2, 1 / 3]
    np.testing.assert_allclose(line[:, 1], expected)
    np.testing.assert_allclose(line[:, 0], [0, 2] if against == "channels" else [1, 2, 3], atol=0.1)
    (bars,) = last.containers[0].lines[2]
    np.testing.assert_allclose(np.array(bars.get_segments())[:, :, 1], np.outer(expected, [0.5, 2]))


def test_nothing_to_draw(table, drawn, tmp_path):
    figure = drawn(signals.by_lmax, table[:0], tmp_path / "signals")
    assert [text.get_text() for text in figure.texts] == ["no density was fitted"]
    with pytest.raises(ValueError, match="no fit of the octahedron"):
        octahedron.draw([], tmp_path / "octahedron")


def test_the_target_is_as_sharp_as_that_of_the_fits(fits, drawn, tmp_path):
    blunt = [replace(each, sharpness=2.0) for each in fits]
    highest = [
        drawn(octahedron.draw, each, tmp_path / "octahedron").axes[0].collections[0].get_array().max()
        for each in (blunt, fits)
    ]
    target = octahedron._target(octahedron._directions(), 2.0)
    assert highest[0] == pytest.approx(float(target.max()), abs=1e-12) and highest[1] > 2 * highest[0]
    with pytest.raises(ValueError, match=r"one target, not of sharpness 2\.0, 20"):
        octahedron.draw([blunt[0], fits[1]], tmp_path / "octahedron")


def test_maps_of_the_octahedron(fits, drawn, tmp_path):
    figure = drawn(octahedron.draw, fits, tmp_path / "octahedron")
    target, *maps = figure.axes[:5]
    assert [axes.get_title().split(",")[0] for axes in maps] == ["lmax 1", "lmax 4"] * 2
    assert [axes.get_ylabel() for axes in maps] == ["1 channel", "", "2 channels", ""]
    for axes in figure.axes[:5]:
        places = axes.lines[0].get_xydata()
        assert len(places) == 6 and np.abs(places[:, 0]).max() < 2.7 and np.abs(places[:, 1]).max() < 0.7
    # The densities are in units of the uniform one: over the sphere their mean is 1.
    latitudes = (np.arange(octahedron.CELLS) + 0.5) / octahedron.CELLS * np.pi - np.pi / 2
    directions = octahedron._directions()
    for density in (
        octahedron._target(directions, 4.0),
        octahedron._density(directions, torch.from_numpy(fits[0].coefficients[2]), fits[0].lmax),
    ):
        assert float(np.average(density.numpy().mean(1), weights=np.cos(latitudes))) == pytest.approx(
            1, abs=0.01
        )
    # Peaks are where the circles are.
    values = target.collections[0].get_array()
    row, column = np.unravel_index(np.argmax(values), values.shape)
    peak = np.array([(column + 0.5) / octahedron.CELLS * np.pi - np.pi, latitudes[row]])
    assert np.abs(target.lines[0].get_xydata() - peak).max(axis=1).min() < 0.06


def test_short_numbers():
    assert [octahedron._short(value) for value in (4.0967, 0.00136, 3.3e-6, 9.6e-5)] == [
        "4.1",
        "0.0014",
        "3·10$^{-6}$",
        "1·10$^{-4}$",
    ]


def test_same_data_same_bytes(table, fits, same_bytes):
    same_bytes(lambda stem: signals.by_lmax(table, stem))
    same_bytes(lambda stem: octahedron.draw(fits, stem))
