"""Small molecules by hand, with their verdicts."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tutti.core.structures import Structures

WATER = ([8, 1, 1], [[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]])
METHANE = (
    [6, 1, 1, 1, 1],
    1.09 / 3**0.5 * np.array([[0, 0, 0], [1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]),
)
CARBON_DIOXIDE = ([6, 8, 8], [[0.0, 0.0, 0.0], [1.16, 0.0, 0.0], [-1.17, 0.0, 0.0]])
FAR = ([6, 1], [[0.0, 0.0, 0.0], [1e6, 0.0, np.nan]])
NUMBER = re.compile(r"^[−-]?\d")
EMPTY = (np.zeros(0, dtype=int), np.zeros((0, 3)))


@pytest.fixture
def structures():
    return Structures.from_frames([WATER, METHANE, CARBON_DIOXIDE, FAR, EMPTY])


@pytest.fixture
def verdicts():
    return pd.DataFrame(
        {
            "valid": [True, True, True, False, False],
            "reason": ["", "", "", "non_finite_coordinates", "no_bonds"],
            "smiles": ["O", "C", "O=C=O", None, None],
            "bond_first": [[0, 0], [0, 0, 0, 0], [1, 2], [], []],
            "bond_second": [[1, 2], [1, 2, 3, 4], [0, 0], [], []],
            "bond_order": [[1.0, 1.0], [1.0] * 4, [2.0, 2.0], [], []],
        }
    )


def unlabelled(figure):
    """Axes of a drawn figure whose ticks have numbers, but nothing says of what."""
    above = {"x": figure.get_supxlabel(), "y": figure.get_supylabel()}
    for axes in (each for each in figure.findobj(Axes) if each.axison and each.get_visible()):
        for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
            shown = [
                tick.label1 if tick.label1.get_visible() else tick.label2 for tick in axis.get_major_ticks()
            ]
            numbers = [text.get_text() for text in shown if text.get_visible()]
            if any(map(NUMBER.search, numbers)) and not (axis.get_label_text() or above[name]):
                yield name, axes.get_title(loc="left"), numbers


@pytest.fixture(autouse=True)
def labelled(monkeypatch):
    """Every figure that a test draws says what is on its axes."""
    figures, save = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k)))
    yield
    assert [found for figure in figures for found in unlabelled(figure)] == []


@pytest.fixture
def drawn(monkeypatch):
    """Call a drawing function and give back the figure that it saved."""

    def draw(function, *arguments):
        figures = []
        save = Figure.savefig
        with monkeypatch.context() as patch:
            patch.setattr(
                Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k))
            )
            function(*arguments)
        return figures[-1]

    return draw


@pytest.fixture
def same_bytes(tmp_path):
    """Check that two calls of `draw(stem)` write the same .svg and .png."""

    def check(draw):
        for name in ("a", "b"):
            draw(tmp_path / name)
        for suffix in (".svg", ".png"):
            assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()

    return check
