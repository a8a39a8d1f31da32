"""What the suite says of itself."""

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from ase.build import molecule

from tutti.benchmark.samples.judged import Judged
from tutti.benchmark.samples.molecules import molecules
from tutti.benchmark.tables import possible, tables
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.structures import Structures

METHANE = molecule("CH4").positions
ALL = ("xyz2mol", "openbabel", "lookup")


def test_what_is_possible():
    assert possible(ALL, reference=True) == list(tables("samples"))
    assert not {"mmd_bond_length", "mmd_bispectrum", "jsd"} & set(possible(ALL, reference=False))
    assert possible(("lookup",), reference=True) == ["validity", "valences", "reasons"]
    assert possible(("lookup", "openbabel"), reference=True) == [
        "validity",
        "valences",
        "reasons",
        "assigner_agreement",
    ]


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


@pytest.mark.parametrize("told", [True, False])
def test_validity_has_both_denominators(told):
    """Methane; methane that is not finished; a lone atom and one that is nowhere, both said to be so."""
    methane = ([6, 1, 1, 1, 1], METHANE)
    nowhere = ([6, 1], np.array([[0.0, 0.0, 0.0], [np.nan, 0.0, 0.0]]))
    structures = Structures.from_frames([methane, methane, ([6], np.zeros((1, 3))), nowhere, methane])
    if told:
        structures = structures.with_columns(finished=np.array([True, False, True, True, True]))
    judged = Judged(structures, {"lookup": assign_all(structures, "lookup", 1, progress=False)})
    table = import_module("tutti.benchmark.samples.validity").table(
        judged, None, model="m", dataset="d", seed=0
    )
    found = table.set_index("metric")[["value", "n"]].T.to_dict("list")
    assert found["validity"] == [3 / 5, 5]
    assert found["validity_of_finished"] == [1.0, 2 if told else 3]


def test_reasons_add_up_with_the_valid_ones():
    structures = Structures.from_frames([([6, 1, 1, 1, 1], METHANE), ([6], np.zeros((1, 3))), ([], [])])
    judged = Judged(structures, {name: assign_all(structures, name, 1, progress=False) for name in ALL})
    table = import_module("tutti.benchmark.samples.reasons").table(
        judged, None, model="m", dataset="d", seed=0
    )
    shares = table.pivot(index="metric", columns="subset", values="value")
    assert shares.loc["no_atoms"].tolist() == [pytest.approx(1 / 3)] * 3
    assert shares.loc["valid"].tolist() == [pytest.approx(1 / 3)] * 3
    np.testing.assert_allclose(shares.sum(), 1)
