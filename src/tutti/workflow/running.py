"""One run at a time for each name, in a folder: what Snakemake's own locks, which outlive it, are for."""

import atexit
from pathlib import Path

from snakemake.exceptions import WorkflowError

from tutti.core import run
from tutti.core.locks import BusyError, Lock
from tutti.core.logs import announce

FOLDER = Path(".snakemake/tutti")


def claim(name: str) -> None:
    """Be the only run of this name in the working directory, until the process ends.

    Args:
        name: of the run, whose results and logs are in folders of this name.

    Raises:
        WorkflowError: when another one is going on.
    """
    lock = Lock(FOLDER / f"{name}.lock", f"results/{name}")
    try:
        lock.take()
    except BusyError as error:
        raise WorkflowError(str(error)) from None
    atexit.register(lock.release)
    run.lead(
        lock.path.with_suffix(".jobs"),
        lambda: announce(f"results/{name}: waiting for jobs that a killed run left behind"),
    )
