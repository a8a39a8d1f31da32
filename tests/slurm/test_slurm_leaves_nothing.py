"""However the tests end, no process of their cluster is left, and SLURM's configuration is gone."""

import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from cluster import Cluster, wait_for

HERE = Path(__file__).parent
# A cluster with a job that does not end; one whose node does not start.
UP = """
import os, signal, sys, time
from pathlib import Path
from cluster import Cluster

class Broken(Cluster):
    def start_node(self):
        raise RuntimeError("no node")

signal.signal(signal.SIGTERM, signal.default_int_handler)  # as conftest.py does
with {{"Cluster": Cluster, "Broken": Broken}}["{kind}"](Path("{folder}"), os.environ, {accounts}) as cluster:
    cluster.run("sbatch", "--output=/dev/null", "--wrap", "trap '' TERM; setsid sleep 1000 & sleep 1000")
    cluster.wait_for("sh", "-c", "squeue --noheader --states=RUNNING | grep -q .")
    print("up", flush=True)
    time.sleep(1000)
"""

pytestmark = pytest.mark.slurm


def marked(mark):
    """Command lines of the processes that have inherited a mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it has just ended
    return found


def start(kind, folder, surroundings, mark, accounts=True):
    return subprocess.Popen(
        [sys.executable, "-c", UP.format(kind=kind, folder=folder, accounts=accounts)],
        env=surroundings | {"TUTTI_MARK": mark, "PYTHONPATH": str(HERE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def nothing_is_left(mark):
    wait_for(lambda: not marked(mark), f"end of {marked(mark)}", 30)
    assert not any(path.exists() for path in Cluster.configuration())


# Accounts take a database ten seconds: once is enough.
@pytest.mark.parametrize(("name", "accounts"), [("SIGINT", False), ("SIGTERM", False), ("SIGKILL", True)])
def test_after_a_signal(name, accounts, surroundings, tmp_path):
    mark = uuid.uuid4().hex
    process = start("Cluster", tmp_path, surroundings, mark, accounts)
    assert process.stdout.readline() == "up\n", process.communicate()
    commands = " ".join(marked(mark))
    daemons = ["munged", "slurmctld", "slurmd ", *(["mariadbd", "slurmdbd"] if accounts else [])]
    assert all(command in commands for command in [*daemons, "sleep 1000"])
    process.send_signal(signal.Signals[name])
    process.communicate()
    nothing_is_left(mark)


def test_after_a_set_up_that_breaks_midway(surroundings, tmp_path):
    mark = uuid.uuid4().hex
    process = start("Broken", tmp_path, surroundings, mark)
    wait_for(lambda: "slurmctld" in " ".join(marked(mark)) or process.poll() is not None, "slurmctld")
    assert "no node" in process.communicate()[1]
    nothing_is_left(mark)
