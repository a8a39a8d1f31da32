"""The shipped workflow: what it plans, what stops it, and how it looks."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

RULE = re.compile(r"(use )?rule \w+")
CONDA = """#!/bin/sh
case "$1" in
    --version) echo "conda 25.3.1" ;;
    info) echo '{"conda_version": "25.3.1", "platform": "linux-64", "conda_prefix": "/"}' ;;
    config) echo '{"get": {"channel_priority": "strict"}}' ;;
esac
"""
OWN = """
run: own
generation: {datasets: [], models: []}
forcefields:
  runs: [{dataset: ethanol, models: [theirs, painn_tiny]}]
  tables: [errors, dynamics, inference_time]
models:
  theirs: {kind: calculator, factory: "missing_code.ase:Fast", environment: own.yaml}
"""
BROKEN = """
run: broken
generation: {datasets: [broken]}
datasets:
  broken: {kind: file, path: config/README.md, split: {train: 1, valid: 1, test: 1}}
"""


@pytest.fixture
def conda(tmp_path, monkeypatch):
    """Something that Snakemake takes for conda."""
    program = tmp_path / "conda"
    program.write_text(CONDA)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


def test_a_calculator_has_an_environment_of_its_own(tree, conda):
    (tree.root / "own.yaml").write_text("dependencies: []\n")
    (tree.root / "study.yaml").write_text(OWN)
    result = tree.snakemake("--dry-run", "--use-conda", "--configfile", "study.yaml")
    assert result.returncode == 0, result.stdout
    for file in ("own.yaml", "envs/tutti.yaml"):
        assert result.stdout.count(f"Conda environment {file} will be created.") == 1


def test_use_conda_plans_the_same_jobs(tree, conda):
    without = tree.plan()
    # Five generators; three force fields on ethanol, one on water, one on two properties of QM9.
    assert without["train"] == 11
    assert without["complete"] == 3  # EDM and flow matching cannot
    assert sum(without.values()) <= 80
    assert tree.plan("--use-conda") == without


ONLY_EXTERNAL = """
run: external
generation: {models: [theirs]}
forcefields: {runs: []}
models:
  theirs: {kind: external, path: theirs.xyz}
"""
EMPTY_TEST = """
run: empty
datasets:
  qm9_demo: {split: {test: 0}}
"""


def test_external_models_need_no_training(tree):
    (tree.root / "theirs.xyz").write_text("1\n\nH 0 0 0\n")
    (tree.root / "external.yaml").write_text(ONLY_EXTERNAL)
    result = tree.snakemake("--dry-run", "--configfile", "external.yaml")
    assert result.returncode == 0, result.stdout
    assert "Exception" not in result.stdout
    plan = tree.plan("--configfile", "external.yaml")
    assert not {"train", "sample", "complete", "throughput"} & plan.keys()
    assert plan["judge"] == 5 and plan["measure"] == 5 and plan["report"] == 1


def test_an_empty_test_split_is_told_before_any_job(tree):
    (tree.root / "empty.yaml").write_text(EMPTY_TEST)
    result = tree.snakemake("--dry-run", "--configfile", "empty.yaml")
    assert result.returncode != 0
    assert "empty.yaml: datasets.qm9_demo.split.test: the test split is empty" in result.stdout


def test_samples_that_do_not_exist_are_told_before_any_job(tree):
    (tree.root / "nowhere.yaml").write_text(ONLY_EXTERNAL.replace("theirs.xyz", "nowhere.xyz"))
    result = tree.snakemake("--dry-run", "--configfile", "nowhere.yaml")
    assert result.returncode != 0
    assert "models.theirs.path: no such file or folder: nowhere.xyz" in result.stdout


def test_misspelt_keys_stop_the_run_with_file_key_and_the_right_one(tree):
    (tree.root / "mine.yaml").write_text("seed: [1]\ngeneration: {sample: 5}\n")
    result = tree.snakemake("--configfile", "mine.yaml")
    assert result.returncode != 0
    assert "mine.yaml: seed: unknown key 'seed'; did you mean 'seeds'?" in result.stdout
    assert "mine.yaml: generation.sample: unknown key 'sample'; did you mean 'samples'?" in result.stdout
    assert not (tree.root / "results").exists()


def test_no_rule_needs_a_number_of_cores_to_be_unlocked(tree):
    """As on a cluster, where the command names none."""
    result = subprocess.run(
        [sys.executable, "-m", "snakemake", "--unlock"],
        cwd=tree.root,
        env=os.environ | {"PYTHONPATH": str(tree.root / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


def test_sizes_of_the_workflow():
    rules = [path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk"))]
    snakefile = (ROOT / "workflow/Snakefile").read_text()
    assert sum(len(text.splitlines()) for text in [*rules, snakefile]) <= 800
    named = [line for text in [*rules, snakefile] for line in text.splitlines() if RULE.match(line)]
    assert len(named) <= 25
    assert len(list((ROOT / "scripts").glob("*.py"))) <= 20


def test_rules_hold_rules_and_no_plans():
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        if path.name != "common.smk":
            assert not re.search(r"^(def|class|import|from|\w+ =)", path.read_text(), re.MULTILINE), path.name


def test_a_failed_job_shows_its_error_on_the_console(tree):
    (tree.root / "broken.yaml").write_text(BROKEN)
    target = "results/broken/data/broken.npz"
    result = tree.snakemake(target, "--configfile", "broken.yaml")
    assert result.returncode != 0
    assert "Logfile logs/broken/dataset/broken.log:" in result.stdout
    assert "config/README.md" in result.stdout.split("Traceback")[-1].split("=====")[0]


def test_the_snakefile_is_a_table_of_contents():
    assert len((ROOT / "workflow/Snakefile").read_text().splitlines()) <= 60


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").glob("*.py")), ids=lambda path: path.name)
def test_scripts_are_thin(script):
    text = script.read_text()
    assert len(text.splitlines()) <= 30
    assert "redirect(snakemake.log[0])" in text


@pytest.mark.parametrize("name", ["default", "slurm"])
def test_profiles_parse(name):
    assert yaml.safe_load((ROOT / f"workflow/profiles/{name}/config.yaml").read_text())
