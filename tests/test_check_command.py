"""`tutti check`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tutti.cli import app

ROOT = Path(__file__).resolve().parents[1]


def check(*files):
    return CliRunner().invoke(app, ["check", *map(str, files)])


@pytest.fixture
def checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_it_says_what_a_run_would_make(checkout):
    result = check("config/studies/md17.yaml")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "config/studies/md17.yaml: fine; a run makes, in results/md17/:"
    assert "tables: errors" in result.stdout and "page: results/md17/report/index.html" in result.stdout
    assert lines[-1] == "Run it: snakemake --cores all --configfile config/studies/md17.yaml"


def test_every_mistake_is_told_and_the_others_are_checked(checkout, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("seed: [1]")
    result = check(wrong, "config/standard.yaml")
    assert result.exit_code == 1
    assert "unknown key 'seed'" in result.stderr and str(wrong) in result.stderr
    assert "config/standard.yaml: fine" in result.stdout and f"{wrong}: fine" not in result.stdout


def test_the_defaults_are_the_demo(checkout):
    alone = check()
    assert alone.exit_code == 0 and alone.stdout.startswith("the demo: fine")
    assert check("config/models.yaml", "config/config.yaml").stdout == alone.stdout


def test_it_is_for_a_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = check("mine.yaml")
    assert result.exit_code == 1 and "run it in a checkout of Tutti" in result.stderr
