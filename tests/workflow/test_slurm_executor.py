"""What the SLURM executor makes of the answers of SLURM, and of none."""

import asyncio
import logging
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("snakemake_executor_plugin_slurm")

from snakemake_executor_plugin_slurm import Executor as Plugin
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo

from tutti.workflow import slurm

RUN = "a-run"


class Free:
    async def __aenter__(self):
        pass

    async def __aexit__(self, *error):
        pass


class Job:
    """A job of one file."""

    def __init__(self, output):
        self.output = [output]

    def is_group(self):
        return False

    def __str__(self):
        return "train"


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Scripts in place of SLURM's: squeue and sacct print files, or fail; scancel empties squeue's."""
    for name in ("squeue", "sacct"):
        (tmp_path / name).write_text(f"#!/bin/sh\ncat {tmp_path}/{name}.txt\n")
    lines = f"echo $@ >> {tmp_path}/scancel.txt", f": > {tmp_path}/squeue.txt"
    (tmp_path / "scancel").write_text("\n".join(["#!/bin/sh", *lines]))
    for name in ("squeue", "sacct", "scancel"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


@pytest.fixture
def executor(monkeypatch, tmp_path):
    """An executor without Snakemake around it, and what it has reported."""
    monkeypatch.chdir(tmp_path)
    one = object.__new__(slurm.Executor)
    monkeypatch.setattr(Plugin, "__post_init__", lambda self, test_mode: None)
    one.__post_init__()
    one.told = []
    one.run_uuid = RUN
    one.logger = logging.getLogger("slurm")
    one.status_rate_limiter = Free()
    one.report_job_success = lambda job: one.told.append((job.external_jobid, "success"))
    one.report_job_error = lambda job, msg, aux_logs: one.told.append((job.external_jobid, msg))
    one._submitted_job_clusters = set()
    settings = SimpleNamespace(init_seconds_before_status_checks=40, keep_successful_logs=False)
    one.workflow = SimpleNamespace(
        executor_settings=settings,
        workdir_init=str(tmp_path),
        scheduler=SimpleNamespace(executor_error_callback=one.told.append),
    )
    return one


def submitted(executor, tmp_path, *numbers):
    jobs = []
    for number in numbers:
        job = Job(tmp_path / f"{number}.out")
        executor.before[job] = slurm._times(job)
        log = tmp_path / f"{number}.log"
        jobs.append(SubmittedJobInfo(job, external_jobid=number, aux={"slurm_logfile": log}))
    return jobs


def still_active(executor, jobs):
    async def ask():
        return [job.external_jobid async for job in executor.check_active_jobs(jobs)]

    return asyncio.run(ask())


@pytest.mark.parametrize("state", ["CANCELLED", "PREEMPTED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL"])
def test_a_job_that_ended_badly_is_reported(state, executor, commands):
    (commands / "squeue.txt").write_text(f"1|RUNNING\n2|{state}\n3|COMPLETED\n4|COMPLETING\n5|PENDING\n")
    jobs = submitted(executor, commands, "1", "2", "3", "4", "5")
    assert still_active(executor, jobs) == ["1", "4", "5"]
    assert executor.told == [("2", f"SLURM job 2: {state}. "), ("3", "success")]


def test_accounts_are_asked_about_jobs_that_squeue_has_forgotten(executor, commands):
    (commands / "squeue.txt").write_text("1|RUNNING\n")
    (commands / "sacct.txt").write_text("1|PENDING\n2|CANCELLED by 1000\n3|COMPLETED\n")
    assert still_active(executor, submitted(executor, commands, "1", "2", "3")) == ["1"]
    assert executor.told == [("2", "SLURM job 2: CANCELLED. "), ("3", "success")]


def test_a_job_that_nobody_knows_is_not_waited_for_for_ever(executor, commands, monkeypatch):
    (commands / "squeue.txt").touch()
    jobs = submitted(executor, commands, "1", "2")
    assert still_active(executor, jobs) == ["1", "2"]
    assert not executor.told
    # The second has written its file since it was submitted.
    (commands / "2.out").touch()
    monkeypatch.setattr(slurm, "LOST", 0)
    assert still_active(executor, jobs) == []
    assert executor.told == [("1", "SLURM job 1: unknown to squeue and sacct for 0 s. "), ("2", "success")]


def test_a_file_from_before_is_no_success(executor, commands, monkeypatch):
    (commands / "squeue.txt").touch()
    (commands / "1.out").touch()
    monkeypatch.setattr(slurm, "LOST", 0)
    assert still_active(executor, submitted(executor, commands, "1")) == []
    assert executor.told[0][1] != "success"


def test_silence_loses_no_job_and_ends_the_run_in_the_end(executor, commands, monkeypatch, caplog):
    jobs = submitted(executor, commands, "1")
    for _ in range(20):
        assert still_active(executor, jobs) == ["1"]
    assert "SLURM does not answer" in caplog.text
    monkeypatch.setattr(slurm, "SILENCE", 0)
    with pytest.raises(WorkflowError, match="has not answered"):
        still_active(executor, jobs)


def test_a_living_job_that_writes_the_same_files_is_cancelled_first(executor, commands, monkeypatch):
    executor.stopping = SimpleNamespace(wait=lambda seconds: False, is_set=lambda: False)
    wanted, other = Job("results/wanted"), Job("results/other")
    for number, job in {
        "3": other,
        "4": wanted,
        "5": wanted,
        "in-between": wanted,
        "elsewhere": other,
    }.items():
        slurm._record(number, [job])
    executor.numbers = {"9"}
    cancelled = [f"4|old|{commands}", f"6|in-between|{commands}", f"8|{RUN}|{commands}"]
    kept = [f"3|old|{commands}", f"7|elsewhere|{commands}", f"9|{RUN}|{commands}", "5|old|/elsewhere"]
    (commands / "squeue.txt").write_text("\n".join([*cancelled, *kept]) + "\n")
    order, ended = [], commands / "scancel.txt"
    monkeypatch.setattr(Plugin, "run_job", lambda self, job: order.append(ended.read_text()))
    executor.run_job(wanted)
    assert sorted(order[0].split()) == ["4", "6", "8"]
    assert (slurm.RECORDS / RUN).read_text() == "results/wanted\n"


def test_a_record_lasts_as_long_as_its_job(executor, commands, monkeypatch):
    monkeypatch.setattr(Plugin, "_report_job_submission_threadsafe", lambda self, job: None)
    for job in submitted(executor, commands, "1", "2"):
        executor._report_job_submission_threadsafe(job)
        assert (slurm.RECORDS / job.external_jobid).exists()
        (commands / "squeue.txt").write_text("1|COMPLETED\n2|FAILED\n")
        still_active(executor, [job])
        assert not (slurm.RECORDS / job.external_jobid).exists()


def test_nothing_is_submitted_while_slurm_is_silent(executor, commands, monkeypatch):
    monkeypatch.setattr(slurm, "SILENCE", 0)
    executor.stopping = SimpleNamespace(wait=lambda seconds: time.sleep(0.01), is_set=lambda: False)
    monkeypatch.setattr(Plugin, "run_job", lambda self, job: pytest.fail("submitted"))
    executor.run_job(Job(commands / "1.out"))
    (error,) = executor.told
    assert "has not answered" in str(error)


def test_a_cancelled_run_cancels_by_its_name(executor, commands):
    # Also when a job is just being asked about, and the list that Snakemake keeps is empty.
    executor.cancel_jobs([])
    assert (commands / "scancel.txt").read_text().split() == [f"--name={RUN}"]


def test_snakemake_gets_this_executor(monkeypatch):
    plugin = slurm.ExecutorPluginRegistry().get_plugin("slurm")
    monkeypatch.setattr(plugin, "executor", Plugin)
    slurm.install()
    assert plugin.executor is slurm.Executor
