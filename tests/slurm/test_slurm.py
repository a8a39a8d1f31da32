"""README's commands, as they stand there, on a real cluster."""

import os
import re
import shlex
import shutil
import signal
import subprocess
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
import yaml
from cluster import ACCOUNT, CPUS, PARTITION, wait_for

ROOT = Path(__file__).resolve().parents[2]
STUDY = Path(__file__).with_name("study.yaml")
CLUSTER = "snakemake --profile workflow/profiles/slurm"
TRAINING = "results/tiny/train/qm9_tiny/symphony_tiny/seed0"
STEPS = yaml.safe_load(STUDY.read_text())["models"]["symphony_tiny"]["training"]["steps"]
# Of the plan's 17 jobs and the one that is cancelled: what shares a group is submitted once.
SUBMITTED = [
    "completion_complete_completion",
    "data_dataset_splits",
    *["judge", "judge", "judge_reference", "measure", "measure"],
    "page_model_figures_report_sample_figures_table_figures_tables",
    *["sample", "speed", "train", "train"],
]

pytestmark = pytest.mark.slurm


def copy(tree):
    for name in ("src", "workflow", "scripts", "config", "envs"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tree


def from_readme(beginning):
    """The one command of README.md that begins so, for this cluster."""
    lines = (ROOT / "README.md").read_text()
    found = re.findall(rf"(?:^|`)(?:\.venv/bin/)?({re.escape(beginning)}[^`\n]*)", lines, flags=re.MULTILINE)
    (command,) = found
    return shlex.split(command.replace("<p>", PARTITION).replace("<a>", ACCOUNT))


@contextmanager
def started(command, tree, cluster):
    """A workflow of the small study; it and its jobs are gone at the end, whatever happens."""
    # Shorter waits than on a cluster of many nodes.
    waits = ["--latency-wait", "10", "--slurm-init-seconds-before-status-checks", "3"]
    with (tree / "console.txt").open("wb") as console:
        process = subprocess.Popen(
            [*command, *waits, "--configfile", str(STUDY)],
            cwd=tree,
            env=environment(tree, cluster),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        cluster.cancel_jobs()


def wait_in(workflow, tree, condition, what, seconds=60):
    """Wait for what happens while the workflow runs."""
    wait_for(lambda: condition() or workflow.poll() is not None, what, seconds)
    assert workflow.poll() is None, (tree / "console.txt").read_text()[-5000:]


def environment(tree, cluster):
    return cluster.environment | {"PYTHONPATH": str(tree / "src")}


def finish(command, tree, cluster):
    result = subprocess.run(
        command, cwd=tree, env=environment(tree, cluster), capture_output=True, text=True, timeout=900
    )
    assert result.returncode == 0, result.stderr[-5000:]


def steps_done(log):
    """Steps of a training as of its last checkpoint; the first ones come before the first line of the log."""
    text = log.read_text() if log.exists() else ""
    return pd.read_csv(StringIO(text))["step"].max() if text else 0


def tables(tree):
    """Contents of the tables, but not of those that a measured time is in."""
    files = (tree / "results/tiny/tables").iterdir()
    timed = {"throughput", "paper_versus_here"}
    return {file.name: file.read_bytes() for file in files if file.stem not in timed}


@pytest.fixture(scope="module")
def survivor(cluster, tmp_path_factory):
    """A tree in which the workflow has run, though its training was cancelled midway."""
    tree = copy(tmp_path_factory.mktemp("survivor"))
    log = tree / TRAINING / "log.csv"
    with started(from_readme(CLUSTER), tree, cluster) as workflow:
        wait_in(workflow, tree, lambda: steps_done(log) >= 0.2 * STEPS, "checkpoint", 300)
        (training,) = cluster.running_jobs("train")
        cluster.run("scancel", training)
        wait_for(lambda: workflow.poll() is not None, "end of the workflow", 900)
    shown = (tree / "console.txt").read_text()
    assert workflow.returncode == 0, shown[-5000:]
    assert "Trying to restart job" in shown
    return tree


def test_the_workflow_survives_a_cancelled_job(survivor):
    # The second job went on from the first one's checkpoint: it reports no step before.
    second = (survivor / "logs/tiny/train/qm9_tiny/symphony_tiny/seed0.log").read_text()
    reported = [int(step) for step in re.findall(rf"training: (\d+)/{STEPS} ", second)]
    assert reported and min(reported) > 0.2 * STEPS
    assert steps_done(survivor / TRAINING / "log.csv") == STEPS
    assert "<html" in (survivor / "results/tiny/report/index.html").read_text()


def test_short_jobs_are_submitted_together_and_a_speed_is_alone(survivor, cluster):
    (run,) = re.findall(r"SLURM run ID: (\S+)", (survivor / "console.txt").read_text())
    jobs = cluster.jobs_of(run)
    assert sorted(jobs["name"]) == SUBMITTED
    assert jobs.loc[jobs["state"] != "COMPLETED", "name"].tolist() == ["train"]
    # One thread is asked for; --exclusive gives all CPUs of the node.
    assert jobs.loc[jobs["name"] == "speed", "cpus"].tolist() == [CPUS]


def test_tables_are_those_of_a_local_run(survivor, cluster, tmp_path):
    tree = copy(tmp_path / "local")
    finish(["snakemake", "--cores", "2", "--configfile", str(STUDY)], tree, cluster)
    assert tables(survivor) == tables(tree)
    assert {"validity.csv", "jsd.csv", "completion.csv"} <= set(tables(tree))


def test_a_killed_run_leaves_no_lock(cluster, tmp_path):
    tree = copy(tmp_path / "killed")
    lock = tree / ".snakemake/tutti/tiny.lock"
    with started(from_readme(CLUSTER), tree, cluster) as workflow:
        wait_in(workflow, tree, lock.exists, "lock")
        os.killpg(workflow.pid, signal.SIGKILL)
    assert lock.exists()
    finish([*from_readme(CLUSTER), "--configfile", str(STUDY)], tree, cluster)
    assert not lock.exists()
