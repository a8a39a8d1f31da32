"""Rows and tables of numbers: what they hold, and what they refuse."""

import math

import pytest

from table_names import NAMES
from tutti.core import tidy
from tutti.statistics.estimate import UNKNOWN, Estimate, joined, row, table_of


def test_a_row_holds_what_it_is_given():
    found = table_of([row("mae", "test", Estimate(2.0, 1.5, 2.5), 7, "eV", "one", "", "two")], **NAMES)
    assert list(found.columns) == tidy.COLUMNS
    first = found.iloc[0]
    assert first[tidy.KEY].tolist() == [*NAMES.values(), "mae", "test"]
    assert first[["value", "ci_low", "ci_high", "n", "unit"]].tolist() == [2.0, 1.5, 2.5, 7, "eV"]
    assert math.isnan(first["published"]) and first["note"] == "one; two"


def test_an_undefined_value_has_a_reason_which_comes_first():
    assert (
        row("mae", "test", UNKNOWN, 0, "eV", "note", undefined="nothing")["note"]
        == "undefined: nothing; note"
    )
    assert row("mae", "test", Estimate(1.0), 1, "eV", undefined="nothing")["note"] == ""
    with pytest.raises(ValueError, match="mae, test: an undefined value needs a reason"):
        row("mae", "test", UNKNOWN, 0, "eV", "note")
    assert row("mae", "test", UNKNOWN, None, "eV", published=0.5)["note"] == ""


def test_rows_of_one_key_are_refused():
    twice = [row("mae", "test", Estimate(1.0), 1, "eV")] * 2
    with pytest.raises(ValueError, match="share their key"):
        table_of(twice, **NAMES)
    with pytest.raises(ValueError, match="share their key"):
        tidy.join([table_of(twice[:1], **NAMES)] * 2)


def test_no_rows_are_a_table_too():
    for empty in (table_of([], **NAMES), tidy.join([]), tidy.join([table_of([], **NAMES)])):
        assert empty.empty and list(empty.columns) == tidy.COLUMNS
    filled = table_of([row("mae", "test", Estimate(1.0), None, "eV")], **NAMES)
    joint = tidy.join([table_of([], **NAMES), filled])
    assert joint.equals(filled) and joint.dtypes.equals(filled.dtypes)


def test_another_unit():
    assert Estimate(2.0, 1.0, 4.0).scaled(1000) == Estimate(2000.0, 1000.0, 4000.0)
    assert math.isnan(Estimate(2.0).scaled(3).low)


def test_remarks_are_joined():
    assert joined("", "a", "", "b") == "a; b" and joined("", "") == ""
