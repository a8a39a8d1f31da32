"""Distributions of strain."""

import numpy as np
import pandas as pd
import pytest

from tutti.figures import CONTROL, PALETTE, strain

from .observed import texts


def frame(energies, unchecked=0):
    """Relaxations with these energy drops, and rows that were not checked."""
    drops = [*energies, *[None] * unchecked]
    return pd.DataFrame(
        {
            "checked": [True] * len(energies) + [False] * unchecked,
            "energy_drop_per_atom": pd.array(drops, dtype="Float64"),
            "heavy_atom_rmsd": pd.array(drops, dtype="Float64") / 100,
        }
    )


@pytest.fixture
def frames():
    return {"test_split": frame([-0.1, 0, 1, 2]), "a": frame([10, 20, None, 40, 80], unchecked=3)}


def test_cumulative_shares(frames, drawn, tmp_path):
    figure = drawn(strain.draw, frames, tmp_path / "strain")
    energy, rmsd = figure.axes
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "energy drop per atom (meV)",
        "heavy-atom RMSD (Å)",
    ]
    assert energy.get_xscale() == rmsd.get_xscale() == "log"
    for axes, scale in ((energy, 1), (rmsd, 0.01)):
        control, a = axes.lines
        assert (control.get_color(), a.get_color()) == (CONTROL, PALETTE[0])
        assert np.interp(scale * np.array([1.5, 5]), *control.get_data()) == pytest.approx([75, 100])
        assert np.interp(scale * np.array([5, 15, 30, 60]), *a.get_data()) == pytest.approx([0, 25, 50, 75])
        # What does not fit on a logarithmic axis counts from its left end on.
        assert control.get_ydata()[0] == 50
    assert texts(figure) == ["test split (control), 4", "a, 4 of 5"]


def test_nothing_relaxed_is_said_so(drawn, tmp_path):
    figure = drawn(strain.draw, {"a": frame([], unchecked=2), "b": frame([None])}, tmp_path / "strain")
    assert [text.get_text() for text in figure.texts] == ["no molecule changed in a relaxation"]


def test_two_drawings_have_the_same_bytes(frames, same_bytes):
    same_bytes(lambda stem: strain.draw(frames, stem))
