"""The table of shares against counts done by hand."""

from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest

from bonds_verdicts import verdicts
from table_names import NAMES
from tutti.benchmark.metrics.validity import validity_table
from tutti.core import tidy
from tutti.report import tables
from tutti.statistics.wilson import wilson

# SMILES (None: not valid), connected, neutral, no radicals, atoms, stable atoms.
HAND = [
    ("C", True, True, True, 5, 5),
    ("C", True, True, True, 5, 5),
    ("CO", True, True, True, 6, 6),
    ("C.O", False, True, True, 8, 8),
    ("[CH2]", True, True, False, 3, 2),
    ("C[N+](=O)[O-]", True, False, True, 7, 6),
    (None, None, None, None, 4, 1),
    (None, None, None, None, 9, None),  # timeout: nothing was found stable
]
EXPECTED = {
    "validity": (6, 8),
    "validity_of_finished": (6, 8),
    "uniqueness": (5, 6),
    "valid_and_unique": (5, 8),
    "novelty": (3, 5),
    "connected": (5, 6),
    "neutral_atoms": (5, 6),
    "no_radicals": (5, 6),
    "valid_and_connected": (5, 8),
    "strictly_valid": (3, 8),
    "validity_as_published": (6, 8),
    "uniqueness_as_published": (5, 6),
    "atom_stability": (33, 47),
    "molecule_stability": (4, 8),
}
TRAINING = {"C", "CO", "CCCC"}


def table_of(rows, training=TRAINING, assigner="lookup"):
    return validity_table(verdicts(rows), training, **NAMES, assigner=assigner).set_index("metric")


def test_every_share_and_its_denominator():
    table = table_of(HAND)
    assert list(table.index) == list(EXPECTED)
    for metric, (k, n) in EXPECTED.items():
        row = table.loc[metric]
        assert (row["value"], row["n"]) == (k / n, n)
        assert (row["ci_low"], row["ci_high"]) == wilson(k, n)
    assert (table["subset"] == "lookup").all()
    assert (table["unit"] == "1").all()


def test_share_of_what_a_sampler_keeps():
    """Of the eight samples one valid and one invalid molecule are thrown away."""
    kept = np.array([False, True, True, True, True, True, True, False])
    table = validity_table(verdicts(HAND), TRAINING, kept, **NAMES, assigner="lookup").set_index("metric")
    row = table.loc["validity_of_finished"]
    assert (row["value"], row["n"]) == (5 / 6, 6)
    assert (row["ci_low"], row["ci_high"]) == wilson(5, 6)


def test_stability_only_where_it_was_counted():
    rows = [(*row[:5], None) for row in HAND]
    metrics = list(table_of(rows, assigner="xyz2mol").index)
    assert metrics == list(EXPECTED)[:-2]


@pytest.mark.parametrize("rows", [[], HAND[6:]], ids=["no samples", "no valid sample"])
def test_zero_denominators_are_nan_with_a_note(rows):
    table = table_of(rows)
    for metric in ("uniqueness", "novelty", "connected"):
        assert np.isnan(table.loc[metric, ["value", "ci_low", "ci_high"]].astype(float)).all()
        assert table.loc[metric, "n"] == 0
        assert "undefined: no valid molecules" in table.loc[metric, "note"]
    assert table.loc["validity", "n"] == len(rows)
    assert np.isnan(table.loc["validity", "value"]) == (not rows)


def test_novelty_without_training_molecules_is_undefined():
    row = table_of(HAND, training=set()).loc["novelty"]
    assert np.isnan(row["value"])
    assert "no training molecules" in row["note"]


def test_copies_of_training_molecules_are_not_novel():
    assert table_of(HAND[:3] * 4).loc["novelty", "value"] == 0


def test_the_table_is_tidy_and_can_be_written(tmp_path):
    table = validity_table(verdicts(HAND), TRAINING, **NAMES, assigner="lookup")
    tables.write(table, tmp_path / "validity")
    pd.testing.assert_frame_equal(tidy.read(tmp_path / "validity.csv"), table, check_exact=False, rtol=1e-7)


def test_verdicts_from_parquet_give_the_same_table(tmp_path):
    frame = verdicts(HAND)
    frame.to_parquet(tmp_path / "v.parquet")
    again = pd.read_parquet(tmp_path / "v.parquet")
    first, second = (validity_table(v, TRAINING, **NAMES, assigner="lookup") for v in (frame, again))
    pd.testing.assert_frame_equal(first, second)


def test_as_published_has_a_definition_of_its_own():
    """Two isomers that differ in stereo marks only, and one sample that is valid only as published."""
    frame = verdicts(HAND)
    published = ["[H]C", "[2H]C", "[H]CO", None, "[H]C[H]", None, "N", None]
    frame["published_smiles"] = pd.Series(published, dtype=str)
    table = validity_table(frame, TRAINING, **NAMES, assigner="xyz2mol").set_index("metric")
    assert table.loc["validity_as_published", ["value", "n"]].tolist() == [5 / 8, 8]
    assert table.loc["uniqueness_as_published", ["value", "n"]].tolist() == [1, 5]
    assert table.loc["uniqueness", "value"] == 5 / 6


@pytest.mark.parametrize("assigner", ["xyz2mol_rdkit", "given"])
def test_only_the_published_assigners_are_as_published(assigner):
    assert not any(name.endswith("_as_published") for name in table_of(HAND, assigner=assigner).index)


def test_rdkits_own_is_named_with_its_version():
    assert set(table_of(HAND, assigner="xyz2mol_rdkit")["subset"]) == {f"RDKit {version('rdkit')}"}


@pytest.mark.parametrize(
    ("assigner", "reasons", "lack"),
    [
        (
            "xyz2mol",
            ["no_hydrogens"] * 7 + ["valence"],
            "no hydrogens in 7 of 8 samples, which xyz2mol needs",
        ),
        ("given", ["no_bonds"] * 7 + ["unreadable"], "no bonds in the files"),
    ],
)
def test_what_says_nothing_of_the_model_has_no_number(assigner, reasons, lack):
    frame = verdicts([(None, None, None, None, 6, 0)] * 8).assign(reason=reasons)
    table = validity_table(frame, TRAINING, **NAMES, assigner=assigner)
    assert table["value"].isna().all()
    assert (table["note"] == f"undefined: {lack}").all()


def test_one_file_with_bonds_is_enough_for_a_number():
    frame = verdicts([(None, None, None, None, 6, 0)] * 8).assign(reason=["no_bonds"] * 7 + ["valence"])
    table = validity_table(frame, TRAINING, **NAMES, assigner="given").set_index("metric")
    assert table.loc["validity", "value"] == 0
