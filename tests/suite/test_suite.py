"""What the suite says of itself."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from ase.build import molecule

from tutti.bonds.pool import assign_all
from tutti.datasets.controls import CHANGES
from tutti.structures import Structures
from tutti.suite import ADVERSARIES, CHECKS, FAMILIES, SPLITS, possible
from tutti.suite.captions import SAMPLE_FIGURES, SHOWN_WITH, TABLE_FIGURES
from tutti.suite.figures import OF_SAMPLES, OF_TABLE
from tutti.suite.judged import Judged
from tutti.suite.molecules import molecules
from tutti.tables import CONTROLS

METHANE = molecule("CH4").positions
ALL = ("xyz2mol", "openbabel", "lookup")


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_its_module(name):
    assert callable(import_module(f"tutti.suite.{name}").table)


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_has_its_module(name):
    assert callable(import_module(f"tutti.metrics.{name}").check_all)


def test_figures_have_captions_and_the_other_way_round():
    assert OF_TABLE.keys() == TABLE_FIGURES.keys()
    assert OF_SAMPLES.keys() == SAMPLE_FIGURES.keys()
    assert {table for table, _ in TABLE_FIGURES.values()} <= FAMILIES.keys()
    assert SHOWN_WITH.keys() == SAMPLE_FIGURES.keys() and set(SHOWN_WITH.values()) <= FAMILIES.keys()


def test_what_is_possible():
    assert possible(ALL, reference=True) == list(FAMILIES)
    assert not {"mmd_bond_length", "mmd_bispectrum", "jsd"} & set(possible(ALL, reference=False))
    assert possible(("lookup",), reference=True) == ["validity", "reasons"]
    assert possible(("lookup", "openbabel"), reference=True) == ["validity", "reasons", "assigner_agreement"]


def frame(ids, **columns):
    return pd.DataFrame({"id": ids, **columns})


def test_molecules_stand_in_input_order_with_all_assigners_and_the_checks_of_xyz2mol():
    table = molecules(
        {"lookup": frame(["b", "a"], valid=[True, False]), "xyz2mol": frame(["b", "a"], valid=[True, True])},
        {"strain": frame(["b", "a"], reason=["", "scf"], drop=[1.5, None])},
    )
    assert table["id"].tolist() == ["b", "b", "a", "a"]
    assert table["assigner"].tolist() == ["lookup", "xyz2mol"] * 2
    assert table["valid"].tolist() == [True, True, False, True]
    assert table["strain_drop"].isna().tolist() == [True, False, True, True]
    assert table.loc[table["strain_reason"] == "scf", ["id", "assigner"]].to_numpy().tolist() == [
        ["a", "xyz2mol"]
    ]


def test_verdicts_of_different_samples_are_refused():
    with pytest.raises(ValueError, match="different samples"):
        molecules({"lookup": frame(["a"])}, {"strain": frame(["b"])})


def test_reasons_add_up_with_the_valid_ones():
    structures = Structures.from_frames([([6, 1, 1, 1, 1], METHANE), ([6], np.zeros((1, 3))), ([], [])])
    judged = Judged(structures, {name: assign_all(structures, name, 1, progress=False) for name in ALL})
    table = import_module("tutti.suite.reasons").table(judged, None, model="m", dataset="d", seed=0)
    shares = table.pivot(index="metric", columns="subset", values="value")
    assert shares.loc["no_atoms"].tolist() == [pytest.approx(1 / 3)] * 3
    assert shares.loc["valid"].tolist() == [pytest.approx(1 / 3)] * 3
    np.testing.assert_allclose(shares.sum(), 1)


def test_the_workflow_knows_the_same_adversaries_and_tables():
    root = Path(__file__).resolve().parents[2]
    assert ADVERSARIES.keys() == CHANGES.keys()
    assert {**ADVERSARIES, **SPLITS} == {
        "copied_training": "train",
        "jittered": "test",
        "displaced_hydrogens": "test",
        "training_split": "train",
        "test_split": "test",
    }
    assert {*ADVERSARIES, "test_split", "training_split"} == CONTROLS.keys()
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
    listed = schema["properties"]["evaluation"]["properties"]
    assert listed["tables"]["items"]["enum"] == [*FAMILIES, "completion", "throughput"]
    assert set(listed["controls"]["items"]["enum"]) == CONTROLS.keys()
