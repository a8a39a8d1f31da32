"""Snakemake reruns what its inputs' contents ask for, whatever the clocks say and though a job failed before.

Snakemake 9.27, to which the package is tied for this, would leave results of an earlier state in their place
without a word:

- It records a job that failed, or was stopped, like one that succeeded (its issue 3808). Where old results of
  later jobs are there, the next run finds nothing to be done: of an edited setting, say.
- It compares contents only of inputs whose time stamp is newer than the job's outputs: not of a file that was
  edited after the clock had been set back, nor of an older one that was copied there with its time.
- It fails a job, and deletes what it made, when an input has a time stamp in the future.
"""

import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from snakemake.dag import DAG
from snakemake.io import _IOFile
from snakemake.jobs import Job
from snakemake.persistence import PersistenceBase

_failed: ContextVar[bool] = ContextVar("failed", default=False)
_postprocess, _finished, _is_newer = Job.postprocess, PersistenceBase.finished, _IOFile.is_newer


def install() -> None:
    """Mend them in this process."""
    Job.postprocess = _note_failure
    PersistenceBase.finished = _record_success
    _IOFile.is_newer = _may_differ
    DAG.check_output_mtime = _nothing


async def _note_failure(job: Job, *arguments: Any, error: bool = False, **named: Any) -> None:
    before = _failed.set(error)
    try:
        await _postprocess(job, *arguments, error=error, **named)
    finally:
        _failed.reset(before)


async def _record_success(records: PersistenceBase, job: Job) -> None:
    # What the record says of the last success shows that the job is to be done.
    if not _failed.get():
        await _finished(records, job)


async def _may_differ(file: _IOFile, of_outputs: float) -> bool:
    """Whether the contents have to be compared: True where an input may be newer than outputs.

    The kernel sets the time of a file's last change of state (ctime), which no program can choose.
    """
    if await _is_newer(file, of_outputs) or of_outputs > time.time():
        return True
    limit = file.rule.workflow.dag_settings.max_checksum_file_size
    return await file.is_checksum_eligible(limit) and Path(file.file).stat().st_ctime > of_outputs


async def _nothing(*_: Any) -> None:
    """No complaint: contents are compared the next time."""
