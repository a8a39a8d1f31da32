"""The slurm profile on a real cluster: a job is cancelled midway, and the workflow finishes all the same."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
STUDY = Path(__file__).with_name("study.yaml")

pytestmark = pytest.mark.slurm


@pytest.fixture
def tree(tmp_path):
    for name in ("src", "workflow", "scripts", "config", "envs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def start(tree, environment, log):
    command = [sys.executable, "-m", "snakemake", "--profile", "workflow/profiles/slurm"]
    # What a user sets for a cluster, and shorter waits. This cluster keeps no accounts: ask squeue.
    settings = ["--default-resources", "slurm_partition=test", "--slurm-no-account"]
    settings += ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "3"]
    return subprocess.Popen(
        [*command, *settings, "--latency-wait", "10", "--configfile", str(STUDY)],
        cwd=tree,
        env=environment | {"PYTHONPATH": str(tree / "src")},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )


def jobs_of(rule, environment):
    """Numbers of the cluster's running jobs of a rule."""
    lines = subprocess.run(
        ["squeue", "--noheader", "--states=RUNNING", "--format=%i %k"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [line.split()[0] for line in lines if f"rule_{rule}" in line]


def steps_done(log):
    """Steps of a training as of its last checkpoint."""
    return pd.read_csv(log)["step"].max() if log.exists() else 0


def test_the_workflow_survives_a_cancelled_job(cluster, tree, tmp_path, waiting):
    study = yaml.safe_load(STUDY.read_text())
    run = tree / "results" / study["run"]
    log = run / "train/xtb9_tiny/symphony_tiny/seed0/log.csv"
    steps = study["models"]["symphony_tiny"]["training"]["steps"]
    with (tmp_path / "console.txt").open("wb") as console:
        workflow = start(tree, cluster, console)
        waiting(lambda: steps_done(log) >= 0.2 * steps or workflow.poll() is not None, "checkpoint", 300)
        (training,) = jobs_of("train", cluster)
        subprocess.run(["scancel", training], env=cluster, check=True)
        status = workflow.wait(900)
    shown = (tmp_path / "console.txt").read_text()
    assert status == 0, shown[-5000:]
    assert "Trying to restart job" in shown
    # The second job went on from the first one's checkpoint: it reports no step before.
    second = (tree / "logs/tiny/train/xtb9_tiny/symphony_tiny/seed0.log").read_text()
    reported = [int(step) for step in re.findall(rf"training: (\d+)/{steps} ", second)]
    assert reported and min(reported) > 0.2 * steps
    assert steps_done(log) == steps
    table = pd.read_csv(run / "tables/validity.csv")
    assert set(table["model"]) == {"symphony_tiny", "test_split"}
    assert table.query("metric == 'validity' and model == 'symphony_tiny'")["n"].tolist() == [32, 32]
    assert "<html" in (run / "report/index.html").read_text()
