"""Names of samples that break paths, tables or spreadsheets are refused before any work."""

import pytest
from typer.testing import CliRunner

from tutti.cli import app
from tutti.core import names
from tutti.evaluation.request import Request

HYDROGEN = "1\n\nH 0 0 0\n"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("=1+1", "begins with ="),
        ("+1", "begins with +"),
        ("-1", "begins with -"),
        ("@x", "begins with @"),
        (".x", "begins with ."),
        (" x", "has spaces around it"),
        ("a\nb", "has a line break"),
        ("a\rb", "has a line break"),
        ("a\x1bb", "has a line break"),
        ("a\u202eb", "another character that is not seen"),
        ("a\udcffb", "is no UTF-8"),
        ("a\\b", "has a slash"),
        ("é" * 101, "has 202 bytes, more than the 200"),
    ],
)
@pytest.mark.parametrize("option", ["", "--reference", "--test"])
def test_names_of_files_that_are_refused(tmp_path, name, why, option):
    path, good = tmp_path / f"{name}.xyz", tmp_path / "good.xyz"
    path.write_text(HYDROGEN)
    good.write_text(HYDROGEN)
    given = [str(good), option, str(path)] if option else [str(path)]
    told = CliRunner().invoke(app, ["evaluate", *given, "--out", str(tmp_path / "out")])
    assert told.exit_code == 1
    assert why in told.output.splitlines()[-1] and told.output.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a b", "x|y", "`*_[<&", "a=b", "1.5", "CON", "é" * 100, "a{b}", "水"])
def test_names_that_may_be(tmp_path, name):
    (tmp_path / f"{name}.xyz").write_text(HYDROGEN)
    assert Request((tmp_path / f"{name}.xyz",), tmp_path / "out").names == [name]
    assert not names.problem(name)


def test_names_that_differ_in_case(tmp_path):
    for folder, name in {"a": "Model", "b": "model"}.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.xyz").write_text(HYDROGEN)
    given = [str(tmp_path / "a/Model.xyz"), str(tmp_path / "b/model.xyz"), "--out", str(tmp_path / "out")]
    told = CliRunner().invoke(app, ["evaluate", *given, "--compare"])
    assert told.exit_code == 1 and "Model and model differ in upper and lower case alone" in told.output
    assert names.alike(["a", "b", "é", "É"]) == ["é", "É"]
    assert names.alike(["a", "a", "b"]) == []


@pytest.mark.parametrize("name", ["", "..", "a/b", "/", "."])
def test_names_that_leave_the_folder(name):
    assert names.problem(name)


def test_a_name_of_the_greatest_length_can_be_written(tmp_path):
    path = tmp_path / f"{'x' * names.LONGEST}.xyz"
    path.write_text(
        "5\n\nC 0 0 0\nH 0.63 0.63 0.63\nH -0.63 -0.63 0.63\nH 0.63 -0.63 -0.63\nH -0.63 0.63 -0.63\n"
    )
    fast = ["--only", "validity", "--assigners", "lookup", "--jobs", "1"]
    told = CliRunner().invoke(app, ["evaluate", str(path), "--out", str(tmp_path / "out"), *fast])
    assert told.exit_code == 0, told.output
    assert (tmp_path / f"out/figures/molecules-{path.stem}.svg").exists()
