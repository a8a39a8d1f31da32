"""From rows to the tables of a run."""

import numpy as np
import pandas as pd
import pytest

from table_names import NAMES
from tutti.benchmark.comparison import assemble
from tutti.benchmark.signals.study import Fits, table
from tutti.core import parquet
from tutti.statistics.estimate import Estimate, row, table_of
from tutti.statistics.proportions import share

PAPERS = {"datasets": {}, "models": {"m": "Symphony"}, "subsets": {}, "here": {"m": "a test"}}


@pytest.fixture
def fits(tmp_path):
    divergence = {1: np.array([0.5, 0.7, 0.6]), 2: np.array([0.1, 0.2, 0.15])}
    coefficients = {n: np.zeros((3, n, 1, 4)) for n in divergence}
    made = Fits("random_points", "symphony", 1, 5.0, np.eye(3)[:, None], coefficients, divergence)
    made.save(tmp_path / "fits.npz")
    return tmp_path / "fits.npz"


def rows(model, seed):
    names = {"model": model, "dataset": "qm9", "seed": seed}
    shares = [
        share(name, "xyz2mol", 8 + seed, 10, "samples") for name in ("validity", "validity_as_published")
    ]
    found = table_of(shares, **names)
    return found.assign(table="validity")


def test_a_run_of_fits_alone_has_no_rows(fits):
    made = assemble(["signals"], parquet.read([]), PAPERS, [fits], seed=0)
    pd.testing.assert_frame_equal(made["signals"], table([Fits.load(fits)], 0))


def test_tables_of_other_tables_are_made_of_what_was_measured(fits):
    measured = pd.concat([rows("m", 0), rows("other", 0), rows("m", 1)], ignore_index=True)
    wanted = ["validity", "validity_ranks", "signals", "paper_versus_here", "over_seeds"]
    made = assemble(wanted, measured, PAPERS, [fits], seed=0)
    assert list(made) == wanted
    assert made["validity"]["published"].notna().any()  # of Symphony on QM9
    ranks = made["validity_ranks"].set_index(["model", "seed"])["value"]
    assert ranks.to_dict() == {("m", 0): 2, ("other", 0): 2, ("m", 1): 1}
    assert set(made["paper_versus_here"]["model"]) == {"m"}
    assert made["over_seeds"].set_index("model").loc["m", "value"].tolist() == pytest.approx([0.85, 0.85])


def test_rows_of_a_learning_curve_are_finished_together():
    def error(size, value):
        made = [row("mae", "test", Estimate(value, value, value), 5, "eV")]
        return table_of(made, **NAMES | {"dataset": f"d@{size}"}).assign(table="learning_curve")

    curve = assemble(["learning_curve"], pd.concat([error(10, 1.0), error(100, 0.1)]), PAPERS)[
        "learning_curve"
    ]
    slope = curve.set_index("metric").loc["mae_slope", "value"]
    assert slope == pytest.approx(-1.0, abs=1e-12)
