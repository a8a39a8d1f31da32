"""Runs that were killed or failed, and clocks that go wrong: no results of an earlier state stay."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from test_reruns import AFTER_SAMPLES

DAY = 86_400


@pytest.fixture
def done(finished, tmp_path):
    """A copy of the finished tree, in which tests may run."""
    shutil.copytree(finished.root, tmp_path / "done")
    return type(finished)(tmp_path / "done")


def set_times(folder, when):
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (when, when))


def edit(tree):
    (tree.root / "theirs.xyz").write_text("1\n\nHe 0 0 0\n")


@contextmanager
def at_work(tree, **how):
    """A run whose jobs are at work on what an edit asks for; it is gone at the end."""
    edit(tree)
    environment = os.environ | {"PYTHONPATH": str(tree.root / "src"), "JOBS": "sleep"}
    words = [sys.executable, "-m", "snakemake", "--cores", "2"]
    logs = tree.root / "logs/study/judge/small/theirs"
    shutil.rmtree(logs, ignore_errors=True)
    with subprocess.Popen(
        words, cwd=tree.root, env=environment, stderr=subprocess.DEVNULL, start_new_session=True, **how
    ) as process:
        while len(list(logs.glob("*"))) < 2 and process.poll() is None:
            time.sleep(0.01)
        assert process.poll() is None
        yield process
        process.kill()


def test_after_a_kill_and_a_failure_the_same_command_does_all_that_an_edit_asks_for(done):
    with at_work(done):
        pass
    failed = done.snakemake(JOBS="fail")
    assert failed.returncode == 1 and "as the test wants it" in failed.stdout, failed.stdout
    assert done.planned(failed.stdout) == AFTER_SAMPLES
    whole = done.snakemake()
    assert whole.returncode == 0
    assert done.planned(whole.stdout) == AFTER_SAMPLES


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_goes_on(done, number):
    # A script's background job ignores Ctrl-C, and so would what it starts.
    with at_work(done, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:
        os.killpg(process.pid, number)
        process.wait()
    whole = done.snakemake()
    assert whole.returncode == 0 and done.planned(whole.stdout) == AFTER_SAMPLES


@pytest.mark.long
def test_the_same_run_is_refused_and_another_one_goes_on(done):
    with at_work(done) as process:
        second = done.snakemake()
        assert second.returncode == 1
        assert f"results/study: in use by process {process.pid} (since" in second.stdout
        assert "Traceback" not in second.stdout
        (done.root / "other.yaml").write_text("run: other\n")
        other = done.snakemake("--configfile", "other.yaml")
        assert other.returncode == 0, other.stdout
        assert done.plan() == AFTER_SAMPLES  # a dry run beside it


@pytest.mark.long
def test_contents_decide_whatever_the_times_say(done):
    now = time.time()
    edit(done)
    os.utime(done.root / "theirs.xyz", (now - DAY, now - DAY))  # an older file in its place
    assert done.plan() == AFTER_SAMPLES
    set_times(done.root / "results", now + DAY)  # the clock was set back
    assert done.plan() == AFTER_SAMPLES
    set_times(done.root / "theirs.xyz", now + 2 * DAY)
    whole = done.snakemake()
    assert whole.returncode == 0 and done.planned(whole.stdout) == AFTER_SAMPLES
    assert done.plan() == {}
    for folder in ("src", "workflow", "scripts", "config", "envs"):
        set_times(done.root / folder, now + DAY)
    assert done.plan() == {}
