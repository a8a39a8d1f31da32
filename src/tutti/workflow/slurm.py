"""The SLURM executor of Snakemake with patience, with an end, and with one job at a time per file.

snakemake-executor-plugin-slurm (2.8.0 and before) forgets all jobs, and so waits for ever, once SLURM has
not answered five times in a row; it waits for ever for a job that squeue no longer lists, that was preempted,
or that sacct calls `CANCELLED by <user>`. It submits at once, SLURM there or not, and knows nothing of jobs
that a killed Snakemake left.
"""

import os
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_slurm import Executor as Submitter
from snakemake_executor_plugin_slurm.job_status_query import (
    query_job_status,
    query_job_status_sacct,
    query_job_status_squeue,
)
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

from tutti.core.files import write_text

SILENCE = 1800
"""Seconds that SLURM may leave all questions without an answer before the run ends."""
LOST = 180
"""Seconds after which a job that SLURM knows nothing of is no longer waited for."""
ENDED = (
    *("BOOT_FAIL", "CANCELLED", "DEADLINE", "FAILED", "NODE_FAIL"),
    *("OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"),
)
"""States that a job without success stays in (squeue(1), JOB STATE CODES)."""
RECORDS = Path(".snakemake/tutti/slurm")
"""Outputs of each job that has not ended, by its number, and of a run's last submission, by the run's name.

Snakemake notes numbers as well, but forgets them when the job starts.
"""


def install() -> None:
    """Let `--executor slurm` of this process be the one of this module."""
    ExecutorPluginRegistry().get_plugin("slurm").executor = Executor


class Executor(Submitter):
    """Submits by the installed plugin, and looks after what was submitted itself."""

    def __post_init__(self, test_mode: bool = False) -> None:
        self.stopping = threading.Event()
        self.answered = time.monotonic()
        self.missed: dict[str, float] = {}
        self.before: dict[Any, dict[Path, float]] = {}
        self.submitting = threading.Lock()
        self.numbers: set[str] = set()
        super().__post_init__(test_mode)

    def run_job(self, job: Any) -> None:
        """Submit a job, when SLURM answers and no other job writes its files."""
        with self.submitting:
            if self._ready([job]):
                super().run_job(job)

    def run_array_jobs(self, jobs: list[Any]) -> None:
        """The same of several jobs of one rule."""
        with self.submitting:
            if self._ready(jobs):
                super().run_array_jobs(jobs)

    def _report_job_submission_threadsafe(self, job_info: SubmittedJobInfo) -> None:
        self.numbers.add(job_info.external_jobid)
        _record(job_info.external_jobid, [job_info.job])
        super()._report_job_submission_threadsafe(job_info)

    def cancel(self) -> None:
        """End the run: nothing is submitted any more, and all that was is cancelled."""
        self.stopping.set()
        self._job_submission_executor.shutdown(wait=True, cancel_futures=True)
        super().cancel()

    def shutdown(self) -> None:
        """Wait for no answer any more, and end."""
        self.stopping.set()
        super().shutdown()
        (RECORDS / self.run_uuid).unlink(missing_ok=True)

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Cancel the run's jobs by its name: also those that are just being submitted or asked about."""
        everywhere = ["--clusters=all"] if self._submitted_job_clusters else []
        if _slurm("scancel", f"--name={self.run_uuid}", *everywhere) is None:
            self.logger.warning(
                f"SLURM does not answer: jobs may go on. When it does: scancel --name={self.run_uuid}"
            )

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncIterator[SubmittedJobInfo]:
        """Report what has ended, and yield what has not.

        Raises `WorkflowError`, which ends the run, after `SILENCE` seconds without an answer.
        """
        # The thread that asks is started before __post_init__.
        if not active_jobs:
            self.answered = time.monotonic()
            return
        settings = self.workflow.executor_settings
        self.next_seconds_between_status_checks = settings.init_seconds_before_status_checks
        states = await self._states(active_jobs)
        for job in active_jobs:
            if states is None or not self._report(job, states.get(job.external_jobid)):
                yield job

    async def _states(self, active_jobs: list[SubmittedJobInfo]) -> dict[str, str] | None:
        """States of this run's jobs by their numbers; None where SLURM does not answer."""
        states = await self._ask(query_job_status_squeue)
        if states is None:
            self._bear_silence()
            return None
        self.answered = time.monotonic()
        if any(job.external_jobid not in states for job in active_jobs):
            # squeue forgets what has ended (MinJobAge); sacct, which not every cluster has, does not.
            accounts = await self._ask(query_job_status_sacct) or {}
            states = {number: state.split()[0] for number, state in accounts.items()} | states
        return states

    async def _ask(self, question: Any) -> dict[str, str] | None:
        async with self.status_rate_limiter:
            answer, _ = await query_job_status(question(self.run_uuid), self.logger)
        return answer

    def _bear_silence(self) -> None:
        silent = time.monotonic() - self.answered
        if silent > SILENCE:
            raise WorkflowError(_silent())
        self.logger.warning(f"SLURM does not answer since {silent:.0f} s; asked again until {SILENCE} s.")

    def _report(self, job: SubmittedJobInfo, state: str | None) -> bool:
        """Whether the job has ended, which Snakemake is then told."""
        number = job.external_jobid
        if state is None:
            since = self.missed.setdefault(number, time.monotonic())
            if time.monotonic() - since < LOST:
                return False
            # All outputs new: it ended well, and SLURM has forgotten it.
            state = "COMPLETED" if self._all_new(job.job) else f"unknown to squeue and sacct for {LOST} s"
        elif state != "COMPLETED" and state not in ENDED:
            self.missed.pop(number, None)
            return False
        if state == "COMPLETED":
            self.report_job_success(job)
            if not self.workflow.executor_settings.keep_successful_logs:
                job.aux["slurm_logfile"].unlink(missing_ok=True)
        else:
            logs = [str(job.aux["slurm_logfile"])]
            self.report_job_error(job, msg=f"SLURM job {number}: {state}. ", aux_logs=logs)
        (RECORDS / number).unlink(missing_ok=True)
        return True

    def _all_new(self, job: Any) -> bool:
        before = self.before[job]
        return all(changed and changed != before[path] for path, changed in _times(job).items())

    def _ready(self, jobs: list[Any]) -> bool:
        """Wait until these jobs can be submitted; False, and the run's end, where that fails."""
        try:
            self._clear(jobs)
            _record(self.run_uuid, jobs)
        except Exception as error:
            # In this thread nobody else would hear of it, and the run would wait for ever.
            self.workflow.scheduler.executor_error_callback(error)
            return False
        self.before |= {job: _times(job) for job in jobs}
        return not self.stopping.is_set()

    def _clear(self, jobs: list[Any]) -> None:
        """Cancel what writes the files of these jobs, and wait until SLURM says that it is gone."""
        files = {str(path) for job in jobs for path in _outputs(job)}
        deadline = time.monotonic() + SILENCE
        told = set()
        while (others := self._others(files)) is None or others:
            if others and others != told:
                numbers = ", ".join(sorted(others))
                self.logger.warning(f"Cancelled, for it writes the files of {jobs[0]}: SLURM job {numbers}")
                _slurm("scancel", *others)
                told = others
            if self.stopping.wait(5):
                return
            if time.monotonic() > deadline:
                raise WorkflowError(f"SLURM job {', '.join(others)} does not end." if others else _silent())

    def _others(self, files: set[str]) -> set[str] | None:
        """Living jobs of earlier runs that write these files, and of this one though sbatch failed."""
        listed = _slurm("squeue", "--noheader", "--array", f"--user={os.getuid()}", "--format=%i|%j|%Z")
        if listed is None:
            return None
        folder = os.path.realpath(self.workflow.workdir_init)
        found = set()
        for number, name, place in (line.split("|", 2) for line in listed.splitlines()):
            if name == self.run_uuid:
                written = number not in self.numbers
            else:
                # Without a record of its number its run was killed in the middle of a submission.
                written = bool(files & set(_recorded(number) or _recorded(name)))
            if written and os.path.realpath(place) == folder:
                found.add(number)
        return found


def _record(name: str, jobs: list[Any]) -> None:
    write_text(RECORDS / name, "".join(f"{path}\n" for job in jobs for path in _outputs(job)))


def _recorded(name: str) -> list[str]:
    path = RECORDS / name
    return path.read_text().splitlines() if path.exists() else []


def _single(job: Any) -> Iterable[Any]:
    return job.jobs if job.is_group() else [job]


def _outputs(job: Any) -> Iterator[Path]:
    for each in _single(job):
        yield from map(Path, each.output)


def _times(job: Any) -> dict[Path, float]:
    """Times of change of a job's outputs; 0 for one that is not there."""
    return {path: path.stat().st_mtime if path.exists() else 0.0 for path in _outputs(job)}


def _slurm(*command: str) -> str | None:
    """What a command of SLURM prints; None where it fails."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return result.stdout


def _silent() -> str:
    return (
        f"SLURM has not answered for {SILENCE // 60} minutes. Jobs go on where they run; the same command "
        "cancels those that are left, and goes on from what there is."
    )
