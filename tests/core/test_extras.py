"""Optional libraries: one home, which pyproject.toml and the modules agree with."""

import importlib.metadata
import importlib.util
import tomllib
from pathlib import Path

import pytest

from tutti.benchmark import tables
from tutti.core import extras, registry, versions
from tutti.report import provenance

PROJECT = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]


def test_every_library_is_brought_by_its_extra():
    brought = {"openbabel": "openbabel-wheel", "tblite": "tblite"}
    assert brought.keys() == extras.EXTRAS.keys() == extras.NAMES.keys()
    for library, extra in extras.EXTRAS.items():
        (requirement,) = PROJECT["optional-dependencies"][extra]
        assert requirement.startswith(brought[library])


def test_all_brings_all_that_a_user_needs():
    users = PROJECT["optional-dependencies"].keys() - {"all", "dev", "page"}
    assert PROJECT["optional-dependencies"]["all"] == [f"tutti[{','.join(sorted(users))}]"]


def test_which_modules_need_one(monkeypatch):
    monkeypatch.setattr(extras, "is_installed", lambda library: False)
    bonds = {name: extras.missing(f"chemistry.bonds.{name}") for name in registry.names("bonds")}
    assert {name: found for name, found in bonds.items() if found} == {"openbabel": ["openbabel"]}
    checks = {name: extras.missing(f"benchmark.metrics.{name}") for name in tables.declared().checks}
    assert {name: found for name, found in checks.items() if found} == {
        "strain": ["tblite"],
        "energies": ["tblite"],
    }
    assert extras.missing("data.langevin") == ["tblite"]  # imported inside a function
    monkeypatch.setattr(extras, "is_installed", lambda library: True)
    assert extras.missing("benchmark.metrics.strain") == []


def test_looking_for_one_does_not_import_it(monkeypatch):
    monkeypatch.setattr("tutti.core.extras.find_spec", lambda name: None)
    assert not extras.is_installed("tblite")
    assert extras.advice("tblite") == "tblite is not installed: pip install 'tutti[xtb]'"
    monkeypatch.setattr("tutti.core.extras.find_spec", importlib.util.find_spec)
    assert extras.is_installed("openbabel") == (importlib.util.find_spec("openbabel") is not None)


@pytest.fixture
def not_installed(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.requires", missing)
    monkeypatch.setattr("importlib.metadata.version", missing)


def test_versions_of_code_that_runs_without_being_installed(not_installed):
    assert versions.own() == "unknown"
    assert provenance.versions().keys() == {"python"}


def test_versions_without_requirements(monkeypatch):
    monkeypatch.setattr("importlib.metadata.requires", lambda name: None)
    assert {"python", "tutti"} == provenance.versions().keys()
