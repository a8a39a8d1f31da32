"""How the process's memory is managed, and how much of it reading may take."""

import ctypes
import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")

GIGABYTE = 10**9
LIMIT = 2.0
"""GB that reading may take, unless another limit is given."""

# Parameters of glibc's mallopt(3), and the largest values that it takes.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_NEVER, _GIBIBYTE = 2**31 - 1, 2**30
# Bytes of memory by a byte of the file: for small molecules, rounded up, and at most by any means.
_TYPICAL, _MOST = 4, 1000
_STATUS = Path("/proc/self/status")
# The kernel refuses memory only so much beyond the limit: where no byte is left Python itself may hang.
_SLACK, _ROOM = 1.25, 64 * 10**6
_EVERY = 256  # frames

_limit: ContextVar[float | None] = ContextVar("limit", default=None)
_most: ContextVar[int | None] = ContextVar("most", default=None)


class LimitError(ValueError):
    """Reading a file takes more memory than it may, or the limit is none."""


@contextmanager
def limited(gigabytes: float = LIMIT) -> Iterator[None]:
    """Let the process take at most so much memory in the block beyond what it has, 1 GB being 10^9 bytes.

    On Linux what it has taken is looked at while it reads (`watch`), and the kernel lets no single piece go
    far beyond: RLIMIT_DATA counts the private memory that can be written to, of all threads, here to a
    quarter and 64 MB more. Elsewhere, and before anything is taken, what files declare is held against it
    (`require`).

    Raises:
        LimitError: see `check`.
    """
    check(gigabytes)
    further, held = int(gigabytes * GIGABYTE), _held()
    tokens = _limit.set(gigabytes), _most.set(None if held is None else held + further)
    try:
        with nullcontext() if held is None else _kernel_limit(held + int(_SLACK * further) + _ROOM):
            yield
    finally:
        _limit.reset(tokens[0])
        _most.reset(tokens[1])


def check(gigabytes: float) -> None:
    """Refuse a limit that is none.

    Raises:
        LimitError: when it is no positive number.
    """
    if not 0 < gigabytes < math.inf:
        raise LimitError(f"--limit {gigabytes:g}: must be a positive number of GB")


@contextmanager
def _kernel_limit(most: int) -> Iterator[None]:
    import resource

    kind = resource.RLIMIT_DATA
    soft, hard = resource.getrlimit(kind)
    for other in (soft, hard):
        most = most if other == resource.RLIM_INFINITY else min(most, other)
    resource.setrlimit(kind, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Name the file in the error where memory does not suffice for what the block reads of it.

    Raises:
        LimitError: when it does not.
    """
    try:
        yield
    except MemoryError:
        raise _beyond(path) from None
    except OSError as error:  # of a read that fails in the middle, which knows of no name
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def watch(path: str | Path) -> None:
    """Go no further with a file once reading has taken what it may.

    Raises:
        LimitError: when it has.
    """
    most = _most.get()
    if most is not None and (_held() or 0) > most:
        raise _beyond(path)


def watched(path: str | Path, items: Iterable[Item]) -> Iterator[Item]:
    """The items that are read from a file, with a look at the memory every so often, see `watch`."""
    for i, item in enumerate(items):
        if i % _EVERY == 0:
            watch(path)
        yield item


def _held() -> int | None:
    """Bytes of private memory that can be written to, which RLIMIT_DATA counts; None but on Linux."""
    if sys.platform != "linux" or not _STATUS.exists():
        return None
    found = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmData:"))
    return int(found.split()[1]) * 1024


def require(path: str | Path, number: float) -> None:
    """Refuse what a file declares before it is read, where that alone is more than the limit.

    Args:
        path: the file.
        number: bytes that reading it takes at least.

    Raises:
        LimitError: when they are more than the limit, if there is one.
    """
    limit = _limit.get()
    if limit is not None and number > limit * GIGABYTE:
        raise _beyond(path, number)


def _beyond(path: str | Path, needed: float = 0) -> LimitError:
    return LimitError(f"{path}: {_too_much(needed, Path(path).stat().st_size)}")


def _too_much(needed: float, size: int) -> str:
    """What is wrong and what to do, of a file of so many bytes; `needed`: bytes at least, 0 if unknown."""
    limit, held = _limit.get(), f"its {_shown(size)}"
    if limit is None:
        return f"{held} take more memory than this process may have"
    takes = f"{_shown(needed)} of memory or more" if needed else "more memory"
    if _MOST * size < limit * GIGABYTE:
        return f"{held} take {takes}, the limit is {limit:g} GB: it is damaged, or made to do that"
    enough = max(1.5 * needed / GIGABYTE, _TYPICAL * size / GIGABYTE, 2 * limit)
    how = f"give --limit {math.ceil(enough)} (in Python limit={math.ceil(enough)}), or split it"
    return f"{held} take {takes}, the limit is {limit:g} GB; if the file is sound, {how}"


def _shown(size: float) -> str:
    """Bytes in words."""
    for unit, name in ((GIGABYTE, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:,.0f} {name}" if size >= 100 * unit else f"{size / unit:.3g} {name}"
    return f"{size:.0f} bytes"


@cache
def keep_freed_memory() -> None:
    """Let the process keep the memory that arrays free, for the next ones of their size.

    By default glibc gives large blocks back to the system at once. Every step of a training then takes them
    anew, and the kernel fills them with zeros page by page: an eighth of the time of a small model's step.
    Elsewhere than on Linux with glibc nothing is done.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_MMAP_THRESHOLD, _GIBIBYTE)
            mallopt(_TRIM_THRESHOLD, _NEVER)
