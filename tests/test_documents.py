"""What docs/ says of the commands, the tutorial, and what others read of the repository."""

import re
import runpy
import shlex
from pathlib import Path

import pandas as pd
import pytest
import typer
import yaml

from tutti.cli import app
from tutti.core.versions import own
from tutti.data.named import NAMED

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = (ROOT / "docs/command_line.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands
SECTIONS = dict(re.findall(r"^## tutti (\w+)\n(.*?)(?=^## )", DOCUMENT, re.MULTILINE | re.DOTALL))
BLOCKS = "\n".join(re.findall(r"^```\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL))
HELP = {name: " ".join(command.help.split()) for name, command in COMMANDS.items()}


def test_every_command_has_a_section():
    assert list(SECTIONS) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_its_commands_table_and_no_other(name):
    table = SECTIONS[name].partition("| option | meaning |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`-.*?) \|", table, re.MULTILINE)
    said = {option for cell in cells for option in re.findall(r"`(.*?)`", cell)}
    options = [each for each in COMMANDS[name].params if each.param_type_name == "option"]
    assert said == {name for option in options for name in option.opts}


@pytest.mark.parametrize(
    "line",
    [
        *filter(None, BLOCKS.splitlines()),
        *(f"tutti {text.partition('Example')[2].rpartition('tutti ')[2]}" for text in HELP.values()),
    ],
)
def test_examples_are_commands_that_there_are(line):
    words = shlex.split(line)
    command = COMMANDS[words[1]]
    options = {name for each in command.params for name in each.opts}
    assert {word for word in words if word.startswith("-")} <= options
    command.make_context("tutti", words[2:])  # parses: all that is required is given


def test_examples_name_files_of_the_demo():
    demo = ROOT / "results/demo"
    if not (demo / "report").is_dir():
        pytest.skip("no demo: run `make demo` first")
    text = BLOCKS + " ".join(HELP.values())
    paths = set(re.findall(r"results/demo/\S+", text))
    assert len(paths) >= 5 and all((ROOT / path).exists() for path in paths)


def test_names_of_datasets_are_explained():
    assert all(f"| `{name}` |" in SECTIONS["evaluate"] for name in NAMED)
    catalogue = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())["datasets"]
    assert NAMED.keys() <= catalogue.keys()
    shipped = Path(NAMED["qm9_demo"]())
    assert shipped.name == catalogue["qm9_demo"]["shipped"] and shipped.is_file()


def test_the_tutorial_runs(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = runpy.run_path(str(ROOT / "docs/tutorial.py"))
    assert capsys.readouterr().out
    verdicts, result = found["verdicts"], found["result"]
    assert verdicts.loc[verdicts["sample"] == 0, "smiles"].tolist() == ["CCO"] * 3
    stretched = verdicts[verdicts["sample"] == 1]
    assert stretched["valid"].all() and stretched["smiles"].nunique() == 3  # as its comment says
    assert isinstance(result.tables["jsd"], pd.DataFrame) and found["page"].is_file()
    shaken = result.molecules.query("assigner == 'xyz2mol'")["valid"].tolist()
    assert all(shaken[:7]) and not all(shaken[7:])


def test_the_citation_has_what_its_format_requires():
    """The schema of the Citation File Format 1.2.0: required keys, and the types of those that are there."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    known = {"type", "version", "license", "keywords", "abstract", "url", "repository-code", "date-released"}
    assert citation.keys() <= known | {"cff-version", "message", "title", "authors"}
    assert citation["cff-version"] == "1.2.0" and citation["type"] in ("software", "dataset")
    assert all({"name"} == author.keys() or "family-names" in author for author in citation["authors"])
    assert str(citation["version"]) == own() and citation["license"] == "MIT"
    texts = [citation["message"], citation["title"], *citation["keywords"]]
    assert all(isinstance(text, str) and text for text in texts)


def test_the_catalogue_of_workflows_finds_what_it_asks_for():
    """https://snakemake.github.io/snakemake-workflow-catalog: standardised usage."""
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage.keys() <= {"mandatory-flags", "software-stack-deployment", "report"}
    assert usage["mandatory-flags"].keys() == {"desc", "flags"}
    assert usage["software-stack-deployment"] == {"conda": True} and usage["report"] is False
    for name in ("workflow/Snakefile", "config/README.md", "config/config.yaml", "README.md", "LICENSE"):
        assert (ROOT / name).is_file()
    rules = "".join(path.read_text() for path in (ROOT / "workflow").rglob("*.smk"))
    assert "conda:" in rules and "report(" not in rules
