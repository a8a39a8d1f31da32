"""One run of a name at a time, and jobs that end with it."""

import fcntl
import json
import os
import subprocess
import sys
import time

import pytest

from tutti.core.processes import Process
from tutti.core.run import RUN

CLAIM = """
import sys
from snakemake.exceptions import WorkflowError
from tutti.workflow.running import claim
try:
    claim(sys.argv[1])
except WorkflowError as error:
    sys.exit(str(error))
"""
HOLD = CLAIM + "print('runs', flush=True)\nsys.stdin.read()\n"
JOB = """
import os, time
from tutti.core.logs import redirect
with redirect("job.log"):
    os.write(3, b"at work ")
    time.sleep(60)
"""
WITH_JOB = (
    CLAIM
    + f"""
import os, subprocess
read, write = os.pipe()
os.dup2(write, 3)
job = subprocess.Popen([sys.executable, "-c", {JOB!r}], pass_fds=[3])
os.read(read, 8)
print(job.pid, flush=True)
job.wait()
"""
)


def start(code, folder, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def run(tmp_path):
    """A run named `one`, going on."""
    with start(HOLD, tmp_path, "one") as process:
        assert process.stdout.readline() == "runs\n"
        yield process
        process.kill()


def test_a_second_run_of_the_name_is_refused_and_another_goes_on(run, tmp_path):
    second, other = start(CLAIM, tmp_path, "one"), start(CLAIM, tmp_path, "two")
    message = second.communicate()[1]
    assert message.startswith(f"results/one: in use by process {run.pid} (since")
    assert message.count("\n") == 1 and second.returncode == 1
    assert other.communicate() == ("", "") and other.returncode == 0
    run.kill()
    run.wait()
    third = start(CLAIM, tmp_path, "one")
    assert third.communicate() == ("", "") and third.returncode == 0
    assert not (tmp_path / ".snakemake/tutti/one.lock").exists()


def test_jobs_end_with_their_run_however_it_ends(tmp_path):
    with start(WITH_JOB, tmp_path, "one") as run:
        job = int(run.stdout.readline())
        os.kill(job, 0)
        run.kill()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(job, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail("the job lives on")


@pytest.mark.parametrize(
    ("changes", "environment", "runs"),
    [
        ({}, {}, True),
        ({"pid": 2**22 + 1}, {}, False),
        ({"pid": 2**22 + 1}, {"SLURM_JOB_ID": "7"}, True),  # its run is no parent of a cluster's job
        ({"pid": 2**22 + 1, "boot": "of a node"}, {}, True),
    ],
)
def test_a_job_that_starts_after_its_run_was_killed_does_nothing(tmp_path, changes, environment, runs):
    of_run = Process.this().values() | {"jobs": str(tmp_path / "one.jobs"), "slurm": ""} | changes
    code = "from tutti.core.logs import redirect\nwith redirect('job.log'):\n    print('at work')\n"
    without = {name: value for name, value in os.environ.items() if name != "SLURM_JOB_ID"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=without | {RUN: json.dumps(of_run)} | environment,
        capture_output=True,
        text=True,
    )
    assert (result.returncode == 0) == runs
    assert (tmp_path / "job.log").read_text() == ("at work\n" if runs else "")
    assert result.stderr == ("" if runs else "the run that this job belongs to was killed\n")


def test_jobs_of_a_killed_run_are_waited_for(tmp_path):
    (tmp_path / ".snakemake/tutti").mkdir(parents=True)
    with (tmp_path / ".snakemake/tutti/one.jobs").open("w") as job:
        fcntl.flock(job, fcntl.LOCK_SH)
        with start(CLAIM, tmp_path, "one") as run:
            assert run.stderr.readline() == "results/one: waiting for jobs that a killed run left behind\n"
            fcntl.flock(job, fcntl.LOCK_UN)
            assert run.communicate() == ("", "") and run.returncode == 0
