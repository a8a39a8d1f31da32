"""The workflow in a copy of the repository, where jobs only write down who they are."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from tutti.workflow.config import FILES, check, load
from tutti.workflow.plan import Plan

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Tree:
    """A copy of the repository."""

    root: Path

    def snakemake(self, *arguments, **environment):
        return subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(self.root / "src")} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def plan(self, *arguments, **environment):
        """{rule: number of jobs} that a dry run would do; the target rule `all` is left out."""
        result = self.snakemake("--dry-run", *arguments, **environment)
        assert result.returncode == 0, result.stdout
        return self.planned(result.stdout)

    @staticmethod
    def planned(shown):
        """The same of what Snakemake has announced."""
        if "Nothing to be done" in shown:
            return {}
        table = shown.split("Job stats:")[1].split("total")[0]
        jobs = dict(re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE))
        return {rule: int(count) for rule, count in jobs.items() if rule not in ("job", "all")}

    def inputs(self, *arguments):
        """(rule, input files) of every job of a run from nothing; the target rule `all` is left out."""
        result = self.snakemake("--dry-run", "--forceall", *arguments)
        assert result.returncode == 0, result.stdout
        found = re.findall(r"^ *rule (\w+):\n +input: (.*)$", result.stdout, flags=re.MULTILINE)
        return [(rule, frozenset(files.split(", "))) for rule, files in found if rule != "all"]


def copy(root):
    for name in ("src", "workflow", "scripts", "config", "envs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return Tree(root)


@pytest.fixture
def plan_of(tmp_path, monkeypatch):
    """The plan of the shipped catalogues with a study given as YAML, checked but for what needs imports."""
    monkeypatch.chdir(ROOT)

    def plan(study=""):
        (tmp_path / "study.yaml").write_text(study)
        files = [*FILES, tmp_path / "study.yaml"]
        config = load(files)
        check(config, files, modules=False)
        return Plan.of(config, ROOT / "scripts")

    return plan


@pytest.fixture(scope="session")
def new_tree(tmp_path_factory):
    """Makes a copy for a module whose tests share what has run in it."""
    return lambda name: copy(tmp_path_factory.mktemp(name))


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """A copy in which nothing has run."""
    return copy(tmp_path_factory.mktemp("clean"))


@pytest.fixture
def fresh(tmp_path):
    """A copy for one test, which may run in it."""
    return copy(tmp_path / "fresh")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A copy in which a study of two generators has run, with jobs that write their output's name."""
    tree = copy(tmp_path_factory.mktemp("finished"))
    for script in (tree.root / "scripts").glob("*.py"):
        script.write_text(JOB + textwrap.indent(script.read_text(), "    "))
    for name in ("first", "second"):
        (tree.root / f"src/tutti/models/generators/{name}.py").write_text(GENERATOR)
    (tree.root / "src/tutti/data/made.py").write_text(DATASET)
    (tree.root / "config/datasets.yaml").write_text("{}")
    (tree.root / "config/models.yaml").write_text("{}")
    (tree.root / "config/config.yaml").write_text(STUDY)
    (tree.root / "theirs.xyz").write_text("1\n\nH 0 0 0\n")
    result = tree.snakemake()
    assert result.returncode == 0, result.stdout
    return tree


JOB = """
import os
import time
from pathlib import Path

if os.environ.get("JOBS") == "sleep":
    from tutti.core.logs import redirect

    with redirect(snakemake.log[0]):
        time.sleep(60)
if os.environ.get("JOBS") == "fail":
    raise SystemExit("as the test wants it")
for path in snakemake.output:
    Path(path).write_text(path)

if False:  # what the job would import counts
"""

GENERATOR = """
from dataclasses import dataclass


@dataclass
class Config:
    width: int = 1


@dataclass
class Sampling:
    heat: float = 1.0


MODEL = None
COMPLETES = True
"""

DATASET = """
from dataclasses import dataclass


@dataclass
class Config:
    size: int


def make(config, path, work, jobs): ...
"""

STUDY = """
run: study
seeds: [0]
generation: {datasets: [small], models: [one, two, theirs], samples: 10, snapshots: [], sweeps: {}}
bonds: {assigners: [xyz2mol, lookup], time_limit: 20, parts: 2}
evaluation:
  tables: [validity, assigner_agreement, strain, jsd, completion]
  controls: [test_split, jittered]
  checks:
    posebusters: &check {molecules: 5, time_limit: 20}
    geometry: *check
    strain: *check
  completion: {molecules: 5}
  throughput: {batch_sizes: [1]}
forcefields:
  runs: []
  batch_size: 1
  tables: []
  figures: []
  inference: {batch_sizes: [2], most_atoms: 9}
  dynamics: {}
signals: {}
report: {title: a study, pictures: 5, seed: 0}
datasets:
  small: {kind: made, size: 5, split: {train: 3, valid: 1, test: rest}}
  unused: {kind: made, size: 6, split: {train: 3, valid: 1, test: rest}}
models:
  one: &one
    kind: generator
    module: first
    config: {width: 2}
    training: {steps: 4}
    sampling: {batch_size: 10}
    resources: {threads: 1, gpu: 0, mem_mb: 100, runtime: 10}
  two:
    <<: *one
    module: second
    training: {steps: 5}
  theirs: {kind: external, path: theirs.xyz, published: EDM}
"""
