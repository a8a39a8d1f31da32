"""Small molecules by hand, with their verdicts."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tutti.core.structures import Structures

WATER = ([8, 1, 1], [[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]])
METHANE = (
    [6, 1, 1, 1, 1],
    1.09 / 3**0.5 * np.array([[0, 0, 0], [1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]),
)
CARBON_DIOXIDE = ([6, 8, 8], [[0.0, 0.0, 0.0], [1.16, 0.0, 0.0], [-1.17, 0.0, 0.0]])
FAR = ([6, 1], [[0.0, 0.0, 0.0], [1e6, 0.0, np.nan]])
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
