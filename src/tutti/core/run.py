"""The run that a job belongs to: a job of the same machine ends with it, and the next run waits for it."""

import fcntl
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tutti.core import signals
from tutti.core.processes import Process

RUN = "TUTTI_RUN"
"""Environment variable of jobs: the process of their run, and the file that they keep locked."""


def lead(jobs: Path, waiting: Callable[[], None]) -> None:
    """Make this process a run; what it starts are its jobs.

    Jobs that an earlier run left behind are waited for.

    Args:
        jobs: file that jobs lock together, made if need be.
        waiting: called once, when there are such jobs.
    """
    own = Process.this().values() | {"jobs": str(jobs.absolute()), "slurm": _slurm()}
    os.environ[RUN] = json.dumps(own)
    descriptor = _open(jobs)
    told = False
    with suppress(OSError):  # a file system without locks
        while not _lock(descriptor, fcntl.LOCK_EX):
            if not told:
                waiting()
            told = True
            time.sleep(0.1)
    os.close(descriptor)


def join() -> None:
    """Make this process a job of the run that has started it, if one of this machine has.

    Raises:
        SystemExit: when that run was killed in the meantime.
    """
    values = json.loads(os.environ.get(RUN, "{}"))
    run = Process.of(values)
    if run is None or not run.same_kernel() or values["slurm"] != _slurm():
        return
    signals.die_with_parent()
    with suppress(OSError):
        _lock(_open(Path(values["jobs"])), fcntl.LOCK_SH)  # until the process ends
    if run.known_gone():
        raise SystemExit("the run that this job belongs to was killed")


def _slurm() -> str:
    """Number of the cluster's job that this process is in."""
    return os.environ.get("SLURM_JOB_ID", "")


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
