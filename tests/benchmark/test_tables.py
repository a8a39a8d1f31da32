"""The declarations: complete, and true of the code."""

from importlib import import_module

import pytest

from tutti.benchmark import tables
from tutti.benchmark.samples.controls import CHANGES
from tutti.benchmark.tables import Metric, better, checks_of, declared
from tutti.core import tidy
from tutti.core.registry import ConfigError


def resolve(path):
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("name", declared().tables)
def test_every_table_has_its_functions(name):
    table = declared().tables[name]
    assert callable(resolve(table.function))
    assert not table.finish or callable(resolve(table.finish))


@pytest.mark.parametrize("name", declared().checks)
def test_every_check_has_its_module(name):
    assert callable(import_module(f"tutti.benchmark.metrics.{name}").check_all)


def test_controls_are_those_that_the_code_makes_and_names():
    unchanged = {"test_split", "training_split", "whole_data"}
    assert declared().controls.keys() == tidy.CONTROLS.keys() == {*CHANGES, *unchanged}


def test_nothing_is_declared_twice():
    figures = [name for table in declared().tables.values() for name in table.figures] + list(
        declared().figures
    )
    assert len(set(figures)) == len(figures)
    named = [name for metric in tables.metrics() for name in metric.names]
    assert len(set(named)) == len(named)


def test_checks_are_those_that_the_tables_need():
    assert checks_of(["validity"]) == ()
    assert checks_of(["strain", "posebusters", "validity"]) == ("posebusters", "strain")


def test_a_metric_is_better_as_its_own_declaration_says_before_a_pattern():
    assert better("validity") == "higher"
    assert better("mmd_bond_length_full") == "lower"
    assert better("mmd_bond_length_full_floor") == "neither"
    assert Metric(("x_*",), "", "lower").covers("x_y")
    with pytest.raises(KeyError, match="which way is better"):
        better("nobody_knows")


def test_a_mistake_in_the_declarations_names_its_place(tmp_path, monkeypatch):
    text = tables.FILE.read_text()
    assert "reference: optional" in text
    (tmp_path / "tables.yaml").write_text(text.replace("reference: optional", "referense: optional", 1))
    monkeypatch.setattr(tables, "FILE", tmp_path / "tables.yaml")
    with pytest.raises(ConfigError, match=r"tables\.yaml\.tables\.validity\.referense: .*'reference'"):
        tables.declared.__wrapped__()
