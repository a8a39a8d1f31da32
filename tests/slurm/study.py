"""The small study: run here or on a cluster, watched, disturbed, and compared."""

import os
import re
import shlex
import shutil
import signal
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path

import pandas as pd
import yaml
from cluster import ACCOUNT, PARTITION, kept, wait_for
from keeper import descendants, parents

ROOT = Path(__file__).resolve().parents[2]
STUDY = Path(__file__).with_name("study.yaml")
CLUSTER = "snakemake --profile workflow/profiles/slurm"
TRAINING = "results/tiny/train/qm9_tiny/symphony_tiny/seed0"
STEPS = yaml.safe_load(STUDY.read_text())["models"]["symphony_tiny"]["training"]["steps"]
# Shorter waits than on a cluster of many nodes.
WAITS = ("--latency-wait", "10", "--slurm-init-seconds-before-status-checks", "3")


def copy(tree):
    """What the workflow needs, in a folder of its own."""
    for name in ("src", "workflow", "scripts", "config", "envs"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tree


def from_readme(beginning):
    """The one command of README.md that begins so, for the cluster of these tests."""
    lines = (ROOT / "README.md").read_text()
    found = re.findall(rf"(?:^|`)(?:\.venv/bin/)?({re.escape(beginning)}[^`\n]*)", lines, flags=re.MULTILINE)
    (command,) = found
    return shlex.split(command.replace("<p>", PARTITION).replace("<a>", ACCOUNT))


class Workflow:
    """A run of the small study on a cluster."""

    def __init__(self, command, tree, cluster):
        self.tree = tree
        self.console = tree / "console.txt"
        command = [*command, *WAITS, "--configfile", STUDY]
        with self.console.open("ab") as console:
            self.keeper = kept(*command, cwd=tree, env=environment(tree, cluster), stdout=console)

    def shown(self):
        return self.console.read_text()

    def ended(self):
        return self.keeper.poll() is not None

    def wait_for(self, condition, what, seconds=600):
        """Wait for what happens while the workflow runs."""
        wait_for(lambda: condition() or self.ended(), what, seconds)
        assert not self.ended(), self.shown()[-5000:]

    def wait_for_step(self, share):
        """Wait for a checkpoint after this share of the training's steps."""
        self.wait_for(lambda: steps_done(self.tree / TRAINING) >= share * STEPS, f"step {share:.0%}")

    def succeed(self, seconds=1800):
        wait_for(self.ended, "end of the workflow", seconds)
        assert self.keeper.returncode == 0, self.shown()[-5000:]

    def send(self, number):
        """A signal to Snakemake alone."""
        (process,) = (child for child, parent in parents().items() if parent == self.keeper.pid)
        os.kill(process, number)

    def kill(self):
        """As the kernel does that lacks memory: without a word to the jobs."""
        self.send(signal.SIGKILL)
        self.keeper.wait()


@contextmanager
def started(command, tree, cluster):
    """A workflow; it and its jobs are gone at the end, whatever happens."""
    workflow = Workflow(command, tree, cluster)
    try:
        yield workflow
    finally:
        workflow.keeper.kill() if workflow.ended() else workflow.keeper.terminate()
        workflow.keeper.wait()
        cluster.cancel_jobs()


def environment(tree, cluster):
    return cluster.environment | {"PYTHONPATH": str(tree / "src")}


def finish(command, tree, surroundings):
    """Run a command here to its end."""
    with (tree / "here.txt").open("wb") as console:
        keeper = kept(*command, cwd=tree, env=surroundings, stdout=console)
    keeper.wait(1800)
    assert keeper.returncode == 0, (tree / "here.txt").read_text()[-5000:]


def steps_done(training):
    """Steps as of the last checkpoint; the first ones come before the first line of the log."""
    log = training / "log.csv"
    text = log.read_text() if log.exists() else ""
    return pd.read_csv(StringIO(text))["step"].max() if text else 0


def tables(tree):
    """Contents of the tables, but not of those that a measured time is in."""
    files = (tree / "results/tiny/tables").iterdir()
    timed = {"throughput", "paper_versus_here"}
    return {file.name: file.read_bytes() for file in files if file.stem not in timed}


def commands(words):
    """Processes of this one's offspring that have these words in their command line, but are no shell."""
    found = []
    for process in descendants(os.getpid()):
        with suppress(OSError):  # it has just ended
            line = Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
            if words in line and "sh -c" not in line:
                found.append(process)
    return found
