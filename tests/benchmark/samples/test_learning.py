"""Numbers at the moments of a training."""

import numpy as np
import pandas as pd
import pytest

from tutti.benchmark.comparison import assemble
from tutti.core import records, tidy
from tutti.statistics.estimate import Estimate, row, table_of
from tutti.statistics.proportions import share

PAPERS = {"datasets": {}, "models": {"m": "Symphony", "plain": "plain"}, "subsets": {}, "here": {}}
WANTED = ["validity", "validity_ranks", "mmd_bond_length", "learning", "over_seeds"]


def rows(model, seed, valid, mmd):
    """A set of 10 samples of which so many are valid."""
    names = {"model": model, "dataset": "qm9", "seed": seed}
    shares = [share(name, "xyz2mol", valid, 10, "samples") for name in ("validity", "validity_as_published")]
    distance = row("mmd_bond_length_full", "mean", Estimate(mmd, mmd / 2, 2 * mmd), 9, "dimensionless")
    return pd.concat(
        [
            table_of(shares, **names).assign(table="validity"),
            table_of([distance], **names).assign(table="mmd_bond_length"),
        ]
    )


def training(folder, seed, seconds, shares=("0.25", "0.5")):
    """A training of 8 items in a batch, 40 steps."""
    told = [{"step": int(40 * float(s)), "processor_seconds": seconds * float(s)} for s in (*shares, 1)]
    snapshots = dict(zip(shares, told[:-1], strict=True))
    path = folder / f"train{seed}.json"
    records.write(path, {"training": {"batch_size": 8}, "snapshots": snapshots, **told[-1]})
    names = {"0.5": "m_0.5", "0.25": "m_0.25"}
    return {"model": "m", "dataset": "qm9", "seed": seed, "record": str(path), "snapshots": names}


@pytest.fixture
def found():
    parts = [rows("m", s, 8 + s, 0.1) for s in (0, 1)] + [rows("test_split", 0, 10, 0.01)]
    parts += [rows("plain", 0, 4, 0.7), rows("m_0.25", 0, 1, 0.4), rows("m_0.5", 0, 5, 0.2)]
    parts += [rows("m_0.25", 1, 2, 0.8), rows("m_0.5", 1, 6, 0.3)]
    return pd.concat(parts, ignore_index=True)


def test_each_moment_has_its_numbers_and_what_it_took(found, tmp_path):
    trainings = [training(tmp_path, 0, 80.0), training(tmp_path, 1, 100.0)]
    made = assemble(WANTED, found, PAPERS, trainings=trainings)["learning"]
    assert list(made.columns) == tidy.COLUMNS
    values = made.pivot_table(index=["metric", "model", "seed"], columns="subset", values="value")
    shares = ["share=0.25", "share=0.5", "share=1"]
    for metric, seed, expected in [
        ("training_processor_time", 0, [20, 40, 80]),
        ("training_processor_time", 1, [25, 50, 100]),
        ("training_steps", 1, [10, 20, 40]),
        ("training_items", 0, [80, 160, 320]),
        ("validity_as_published", 0, [0.1, 0.5, 0.8]),
        ("validity_as_published", 1, [0.2, 0.6, 0.9]),
        ("mmd_bond_length_full", 1, [0.8, 0.3, 0.1]),
    ]:
        assert values.loc[(metric, "m", seed), shares].tolist() == pytest.approx(expected), (metric, seed)
    assert values["data"].dropna().to_dict() == {
        ("validity_as_published", "test_split", 0): 1.0,
        ("mmd_bond_length_full", "test_split", 0): 0.01,
    }
    assert set(made["model"]) == {"m", "test_split"}
    # The papers' numbers stand beside whole trainings, and the data; intervals are the samples' own.
    published = made.dropna(subset="published").set_index(["model", "seed", "subset"])["published"]
    assert published.to_dict() == {
        ("m", 0, "share=1"): pytest.approx(0.835),
        ("m", 1, "share=1"): pytest.approx(0.835),
        ("test_split", 0, "data"): pytest.approx(0.9999),
    }
    known = made.set_index(["metric", "seed", "subset"]).loc[("mmd_bond_length_full", 0, "share=0.5")]
    assert known[["ci_low", "ci_high", "n"]].tolist() == [0.1, 0.4, 9]


def test_snapshots_are_in_no_other_table(found, tmp_path):
    trainings = [training(tmp_path, 0, 80.0), training(tmp_path, 1, 100.0)]
    made = assemble(WANTED, found, PAPERS, trainings=trainings)
    alone = assemble(
        [name for name in WANTED if name != "learning"], found[~found["model"].str.contains("m_")], PAPERS
    )
    for name, table in alone.items():
        pd.testing.assert_frame_equal(made[name], table)
    assert np.isfinite(made["learning"]["value"]).all()


def test_a_training_without_the_snapshot_is_named(found, tmp_path):
    old = training(tmp_path, 0, 80.0, shares=("0.5",))
    with pytest.raises(KeyError, match=r"train0\.json: no snapshot 0\.25; delete it and train again"):
        assemble(WANTED, found, PAPERS, trainings=[old])
