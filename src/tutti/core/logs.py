"""Logs of jobs: everything a job writes, also from C and C++ code, goes into its log file."""

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tutti.core import run

# Inside `redirect`: where stderr went before, and the log's path.
_console: tuple[int, Path] | None = None


def announce(line: str) -> None:
    """Write a line to stderr; inside `redirect` also, after the log's path, to the workflow's console."""
    print(line, file=sys.stderr, flush=True)
    if _console is not None:
        descriptor, log = _console
        os.write(descriptor, f"{log}: {line}\n".encode())


@contextmanager
def redirect(path: str | Path) -> Iterator[None]:
    """Send file descriptors 1 and 2 to `path` (overwritten) inside the block, of a job of a `tutti.core.run`.

    An exception is written to the log with its traceback and ends the process with exit status 1, so that the
    log alone tells what went wrong; one of the operating system (no room, no permission), also of the log
    itself, is told in a line. Ctrl-C ends it with 130, SIGTERM as it always does, both after a line.
    Progress bars of tqdm that is imported inside write a line per minute.
    """
    global _console
    path = Path(path)
    os.environ.setdefault("TQDM_MININTERVAL", "60")
    _flush()
    saved = os.dup(1), os.dup(2)
    with _opened(path) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    _console = saved[1], path
    handler = signal.signal(signal.SIGTERM, _terminated)
    try:
        run.join()
        yield
    except KeyboardInterrupt:
        announce("stopped by Ctrl-C")
        raise SystemExit(128 + signal.SIGINT) from None
    except Exception as error:
        line = f"{type(error).__name__}: {error}\n"
        os.write(saved[1], f"{path}: {line}".encode())
        with suppress(OSError):  # its disk may be what is full
            sys.stderr.write(line if isinstance(error, OSError) else traceback.format_exc())
        raise SystemExit(1) from None
    finally:
        signal.signal(signal.SIGTERM, handler)
        _console = None
        _flush()
        for number, original in enumerate(saved, start=1):
            os.dup2(original, number)
            os.close(original)


def _terminated(number: int, _: object) -> None:
    if multiprocessing.parent_process() is None:  # workers forked inside inherit this
        announce("stopped by SIGTERM")
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _opened(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError as error:
        raise SystemExit(f"the log cannot be written: {error}") from None


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # the log's disk is full: what is left goes to the console
            stream.flush()
