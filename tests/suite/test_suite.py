"""What the suite says of itself."""

from importlib import import_module

import pandas as pd
import pytest

from tutti.suite import CHECKS, FAMILIES, possible
from tutti.suite.captions import SAMPLE_FIGURES, TABLE_FIGURES
from tutti.suite.figures import OF_SAMPLES, OF_TABLE
from tutti.suite.molecules import molecules

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


def test_what_is_possible():
    assert possible(ALL, reference=True) == list(FAMILIES)
    assert not {"mmd_bond_length", "mmd_bispectrum", "jsd"} & set(possible(ALL, reference=False))
    assert possible(("lookup",), reference=True) == ["validity"]
    assert possible(("lookup", "openbabel"), reference=True) == ["validity", "assigner_agreement"]


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
