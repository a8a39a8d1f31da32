"""The table of strain by hand, and what molecules that cannot be relaxed may not do."""

import numpy as np
import pandas as pd
import pytest

from table_names import NAMES
from tutti.benchmark.metrics import strain
from tutti.benchmark.tables import better
from tutti.report import tables
from tutti.statistics.wilson import wilson

VALUES = list(strain.COLUMNS)
FRAME = pd.DataFrame(
    {
        "id": list("abcdef"),
        "checked": [True, True, True, True, True, False],
        "energy_drop_per_atom": [1.0, 2.0, 6.0, None, None, None],
        "heavy_atom_rmsd": [0.1, None, 0.3, None, None, None],
        "graph_survives": pd.array([True, True, False, None, None, None], dtype="boolean"),
        "initial_force": [1.0, 1.0, 1.0, None, None, None],
        "bond_length_change": [0.01, 0.02, 0.06, None, None, None],
        "bond_angle_change": [1.0, 2.0, None, None, None, None],
        "torsion_change": [None, None, None, None, None, None],
        "reason": ["", "", "", "scf", "timeout", ""],
        "seconds": [0.1, 0.1, 0.1, 0.1, 120, np.nan],
    }
)


def test_table(tmp_path):
    table = strain.strain_table(FRAME, **NAMES)
    tables.write(table, tmp_path / "strain")
    rows = table.set_index("metric")
    expected = {
        "energy_drop_median": (6.0, 5, "meV/atom"),
        "energy_drop_mean_of_relaxed": (3.0, 3, "meV/atom"),
        "heavy_atom_rmsd_median": (np.nan, 4, "Å"),
        "heavy_atom_rmsd_mean_of_relaxed": (0.2, 2, "Å"),
        "bond_length_change_median": (0.06, 5, "Å"),
        "bond_length_change_mean_of_relaxed": (0.03, 3, "Å"),
        "bond_angle_change_median": (np.nan, 4, "degree"),
        "bond_angle_change_mean_of_relaxed": (1.5, 2, "degree"),
        "torsion_change_median": (np.nan, 2, "degree"),
        "torsion_change_mean_of_relaxed": (np.nan, 0, "degree"),
        "graph_survives": (2 / 5, 5, "1"),
        "relaxed": (3 / 5, 5, "1"),
    }
    assert list(rows.index) == list(expected)
    for metric, (value, n, unit) in expected.items():
        row = rows.loc[metric]
        assert row["value"] == pytest.approx(value, nan_ok=True)
        assert (row["n"], row["unit"], row["subset"]) == (n, unit, "xyz2mol")
        unbounded = metric.endswith("_median") or np.isnan(value)
        assert unbounded or row["ci_low"] <= row["value"] <= row["ci_high"]
    assert "no interval: " in rows.loc["energy_drop_median", "note"]
    assert rows.loc["heavy_atom_rmsd_median", "note"] == (
        "undefined: half of the molecules or more could not be relaxed; "
        "of checked valid molecules with heavy atoms; "
        "not relaxed, counted as larger than any value: 1 scf, 1 timeout"
    )
    assert rows.loc["energy_drop_mean_of_relaxed", "note"] == (
        "of relaxed molecules; left out, not relaxed: 1 scf, 1 timeout"
    )
    assert (rows.loc["graph_survives", "ci_low"], rows.loc["graph_survives", "ci_high"]) == wilson(2, 5)
    assert (rows.loc["relaxed", "ci_low"], rows.loc["relaxed", "ci_high"]) == wilson(3, 5)
    assert rows.loc["relaxed", "note"].endswith("1 scf, 1 timeout")
    pd.testing.assert_frame_equal(strain.strain_table(FRAME, **NAMES), table)


def test_bootstrap_of_the_mean_has_the_width_of_the_normal_interval():
    values = np.random.default_rng(0).normal(10, 2, 2000)
    frame = pd.concat([FRAME[:1]] * 2000, ignore_index=True).assign(energy_drop_per_atom=values)
    row = strain.strain_table(frame, **NAMES).set_index("metric").loc["energy_drop_mean_of_relaxed"]
    half = 1.96 * values.std() / np.sqrt(2000)
    assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * half, rel=0.1)
    assert row["value"] == pytest.approx(values.mean())


@pytest.mark.parametrize("rows", [[], [3, 4, 5]], ids=["no samples", "none relaxed"])
def test_table_of_nothing(rows):
    table = strain.strain_table(FRAME.iloc[rows], **NAMES).set_index("metric")
    shares = table.loc[["graph_survives", "relaxed"]]
    assert table.drop(index=shares.index)["value"].isna().all()
    assert table.drop(index=shares.index)["note"].str.startswith("undefined: ").all()
    assert (shares["value"].isna() if not rows else shares["value"] == 0).all()


def strained(n_failures, n=60):
    """Ever more strained molecules, of which the first ten survive and the last so many are not relaxed."""
    rank = np.arange(n)
    frame = pd.concat([FRAME[:1]] * n, ignore_index=True)
    frame = frame.assign(
        energy_drop_per_atom=rank + 1.0, heavy_atom_rmsd=rank / 100, torsion_change=1.0 * rank
    )
    frame["graph_survives"] = pd.array(rank < 10, dtype="boolean")
    failed = rank >= n - n_failures
    frame.loc[failed, VALUES] = None
    frame.loc[failed, "reason"] = "relaxation"
    return strain.strain_table(frame, **NAMES).set_index("metric")


def test_no_metric_rewards_failures():
    honest = strained(0)
    for n_failures in (1, 10, 29, 30, 31, 55, 60):
        found = strained(n_failures)
        for metric, value in found["value"].items():
            way = better(metric)
            assert way != "higher" or value <= honest.loc[metric, "value"], metric
            assert way != "lower" or not value < honest.loc[metric, "value"], metric
    assert strained(55).loc["graph_survives", "value"] == 5 / 60
    means = [metric for metric in honest.index if "_mean" in metric]
    assert len(means) == 5 and {better(metric) for metric in means} == {"neither"}


def test_a_failure_counts_in_the_median_like_any_value_that_is_larger():
    values = np.random.default_rng(0).exponential(size=50)
    frame = pd.concat([FRAME[:1]] * 50, ignore_index=True).assign(energy_drop_per_atom=values)
    failed = frame.copy()
    frame.loc[42:, "energy_drop_per_atom"] = 1e6
    failed.loc[42:, VALUES] = None
    failed.loc[42:, "reason"] = "scf"
    columns = ["value", "ci_low", "ci_high", "n"]
    first, second = (
        strain.strain_table(each, **NAMES).set_index("metric").loc["energy_drop_median", columns]
        for each in (frame, failed)
    )
    assert first.tolist() == second.tolist()
    assert first["ci_low"] < first["value"] < first["ci_high"] < values.max()


@pytest.mark.parametrize(
    ("n_failures", "defined", "bounded"), [(24, True, False), (29, True, False), (30, False, False)]
)
def test_medians_among_failures(n_failures, defined, bounded):
    """Of 60 the median lies between the 30th and the 31st, the end of its interval some 8 further."""
    row = strained(n_failures).loc["energy_drop_median"]
    assert np.isnan(row["value"]) != defined
    assert np.isnan(row[["ci_low", "ci_high"]].astype(float)).all() != bounded
    assert ("no interval: " in row["note"]) == defined
    assert row["note"].startswith("undefined: half ") != defined


def test_one_relaxed_molecule_has_no_interval():
    row = strain.strain_table(FRAME[:1], **NAMES).set_index("metric").loc["energy_drop_median"]
    assert row["value"] == 1
    assert np.isnan(row[["ci_low", "ci_high"]].astype(float)).all()
