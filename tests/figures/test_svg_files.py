"""The .svg files: what they show is what matplotlib drew, on a white page and on a dark one."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from tutti.figures import INK, STYLE, new_figure, svg
from tutti.figures.palette import (
    BAD,
    BAND,
    CARDS,
    CONTROL,
    DARK,
    GOOD,
    MIDDLE,
    PAGE,
    PALETTE,
    QUIET,
)

NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?"
LINK = "{http://www.w3.org/1999/xlink}href"


@pytest.fixture
def raw(tmp_path):
    """What matplotlib itself writes of lines, text, markers, a clip and an image."""
    figure = Figure(figsize=(3, 2))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(np.arange(50), np.sin(np.arange(50)), "o-", color=INK, markerfacecolor="white")
    axes.imshow(np.random.default_rng(0).random((7, 7)), extent=(0, 9, -1, 1), interpolation="none")
    axes.set(title="MAE 0.1 − é", xlabel="x", ylabel="y")
    figure.savefig(tmp_path / "raw.svg")
    return (tmp_path / "raw.svg").read_text("utf-8")


@pytest.fixture
def saved(tmp_path):
    """The text of a figure in the project's style."""
    with new_figure(tmp_path / "figure", 3, 2) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], color=PALETTE[4])
        axes.set(xlabel="x", ylabel="y")
    return (tmp_path / "figure.svg").read_text("utf-8")


def shapes(text):
    """(tag, numbers of its geometry, steps of its path, style) of each element that is drawn."""
    found = []
    for element in ElementTree.fromstring(text).iter():
        tag = element.tag.rpartition("}")[2]
        if tag in ("path", "use", "image", "rect", "g"):
            path, shift = element.get("d", ""), element.get("transform", "")
            place = [float(element.get(name, 0)) for name in ("x", "y", "width", "height")]
            if pure := re.fullmatch(rf"translate\(({NUMBER}) ({NUMBER})\)", shift):
                place[:2], shift = place[:2] + np.array([float(pure[1]), float(pure[2])]), ""
            numbers = [*place, *map(float, re.findall(NUMBER, path + shift))]
            found.append((tag, numbers, re.findall("[A-Za-z]", path), element.get("style")))
    return found


def test_nothing_moves_by_more_than_half_of_the_last_decimal(raw):
    before, after = shapes(raw), shapes(svg.finish(raw))
    assert len(before) == len(after) > 100
    for (tag, numbers, letters, style), (*same, smaller, steps, look) in zip(before, after, strict=True):
        assert ([tag], letters, style) == (same, steps, look)
        np.testing.assert_allclose(smaller, numbers, rtol=0, atol=0.5 * 10**-svg.DECIMALS + 1e-9)
    assert len(svg.finish(raw)) < 0.9 * len(raw)


def test_references_and_images_are_whole(raw):
    before, after = (list(ElementTree.fromstring(text).iter()) for text in (raw, svg.finish(raw)))
    targets = [[each.get(LINK) for each in tree if each.get(LINK)] for tree in (before, after)]
    ids = [{each.get("id"): each for each in tree if each.get("id")} for tree in (before, after)]
    assert len(targets[0]) == len(targets[1]) > 50
    for old, new in zip(*targets, strict=True):
        if old.startswith("data:"):
            assert old == new
        else:  # the same drawing by another name
            old, new = (each[name[1:]] for each, name in zip(ids, (old, new), strict=True))
            counts = [len(re.findall(NUMBER, each.get("d", ""))) for each in (old, new)]
            assert old.tag == new.tag and counts[0] == counts[1]
    clips = re.findall(r"url\(#([^)]+)\)", svg.finish(raw))
    assert clips and all(ids[1][name].tag.endswith("clipPath") for name in clips)


def test_no_drawing_is_an_error():
    with pytest.raises(ValueError, match="no <svg> element"):
        svg.finish("<html></html>")


def test_a_figure_is_transparent_and_knows_the_dark_scheme(saved):
    sheet = saved[saved.index("<style>") : saved.index("</style>")]
    assert "color-scheme:light dark" in sheet and "@media (prefers-color-scheme: dark)" in sheet
    for light in (INK, PALETTE[4]):
        assert f'[style*="stroke: {light.lower()}"]{{stroke:{DARK[light]}!important}}' in sheet
    assert f'[style*="fill: {INK}"]{{fill:{DARK[INK]}!important}}' in sheet  # of text
    assert "#ffffff" not in saved.lower()
    assert STYLE["axes.facecolor"] == "none"


def luminance(colour):
    """Relative luminance, WCAG 2.1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return np.dot(linear, [0.2126, 0.7152, 0.0722])


def contrast(first, second):
    """Contrast ratio, WCAG 2.1."""
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colour", [*PALETTE, CONTROL])
def test_data_stand_out_from_both_pages(colour):
    assert contrast(colour, PAGE) >= 3
    assert contrast(DARK.get(colour, colour), DARK[PAGE]) >= 3
    pixels = MIDDLE.get(colour, colour)
    assert min(contrast(pixels, PAGE), contrast(pixels, DARK[PAGE])) >= 3


@pytest.mark.parametrize("colour", [INK, GOOD, BAD, QUIET])
@pytest.mark.parametrize("ground", [PAGE, BAND, *(face for face, _ in CARDS.values())])
def test_text_can_be_read_on_both_pages(colour, ground):
    assert contrast(colour, ground) >= 4.5
    assert contrast(DARK[colour], DARK[ground]) >= 4.5
