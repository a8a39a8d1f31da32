"""`tutti compare`."""

import pytest
from typer.testing import CliRunner

from tutti.cli import app
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.io import extxyz


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two evaluations, first/ and second/."""
    folder = tmp_path_factory.mktemp("runs")
    known = Structures.load(EMBEDDED / "qm9_6.npz")
    for name, rows in (("first", range(20)), ("second", range(300, 330))):
        part = known[rows]
        extxyz.write(folder / f"{name}.xyz", Structures(part.n_atoms, part.numbers, part.positions))
        options = ("--only", "validity", "--assigners", "lookup", "--out", folder / name)
        assert run("evaluate", folder / f"{name}.xyz", *options).exit_code == 0
    return folder


def test_two_evaluations(runs):
    out = runs / "difference"
    result = run("compare", runs / "first", runs / "second", "--out", out)
    assert result.exit_code == 0, result.output
    assert f"The comparison: {out / 'index.html'}" in result.output.replace("\n", " ").replace("  ", " ")
    assert "validity" in (out / "differences.csv").read_text() and (out / "index.html").is_file()


def test_mistakes_are_a_line(runs, tmp_path):
    result = run("compare", runs / "first", runs / "nowhere", "--out", tmp_path)
    assert result.exit_code == 1 and result.output.startswith("error: ") and "nowhere" in result.output
    result = run("compare", runs / "first", runs / "first", "--out", tmp_path)
    assert result.exit_code == 1 and "are the same folder" in result.output
    assert not list(tmp_path.iterdir())
