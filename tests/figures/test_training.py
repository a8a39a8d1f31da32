"""Loss curves."""

import io

import numpy as np
import pandas as pd
import pytest

from tutti.figures import training

from .observed import texts

LOG = """step,epoch,split,loss,focus,learning_rate,seconds
10,0.1,train,3.0,2.0,0.0005,1.000
10,0.1,valid,3.5,2.1,0.0005,1.000
20,0.2,train,1.0,0.5,0.0005,2.000
20,0.2,valid,1.5,0.9,0.0005,2.000
30,0.3,train,0.5,0.4,0.0005,3.000
30,0.3,valid,2.5,0.8,0.0005,3.000
"""


@pytest.fixture
def log():
    return pd.read_csv(io.StringIO(LOG))


def test_one_panel_per_part_with_the_kept_step_marked(log, drawn, tmp_path):
    figure = drawn(training.draw, {"symphony": log}, tmp_path / "training")
    assert [axes.get_ylabel() for axes in figure.axes] == ["total loss", "loss of the focus (nat)"]
    assert texts(figure) == [
        "symphony",
        "training split",
        "validation split",
        "lowest total loss: weights kept",
    ]
    train, valid, kept = figure.axes[1].lines
    np.testing.assert_allclose(train.get_xydata(), [[10, 2.0], [20, 0.5], [30, 0.4]])
    np.testing.assert_allclose(valid.get_xydata(), [[10, 2.1], [20, 0.9], [30, 0.8]])
    # The lowest validation loss of all parts together decides, not this part's own.
    np.testing.assert_allclose(kept.get_xydata(), [[20, 0.9]])


def test_units_and_logarithmic_axes(log, drawn, tmp_path):
    parts = {
        "U0_mae": log["loss"],
        "forces_mae": 100.0 ** log["focus"],
        "nll": log["loss"] - 2,
        "mine": log["loss"],
    }
    figure = drawn(training.draw, {"a": log.assign(**parts)}, tmp_path / "training")
    shown = {axes.get_ylabel(): axes.get_yscale() for axes in figure.axes if axes.axison}
    assert shown == {
        "total loss": "linear",
        "loss of the focus (nat)": "linear",
        "U0 MAE (eV)": "linear",
        "forces MAE (eV/Å)": "log",
        "bound on −log likelihood (nat)": "linear",
        "mine": "linear",
    }


def test_empty_logs_are_an_error(log, tmp_path):
    with pytest.raises(ValueError, match="no training log"):
        training.draw({"symphony": log.iloc[:0]}, tmp_path / "training")


def test_two_drawings_have_the_same_bytes(log, same_bytes):
    same_bytes(lambda stem: training.draw({"symphony": log}, stem))
