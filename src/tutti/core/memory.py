"""How the process's memory is managed."""

import ctypes
import sys
from functools import cache

# Parameters of glibc's mallopt(3), and the largest values that it takes.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_NEVER, _GIBIBYTE = 2**31 - 1, 2**30


@cache
def keep_freed_memory() -> None:
    """Let the process keep the memory that arrays free, for the next ones of their size.

    By default glibc gives large blocks back to the system at once. Every step of a training then takes them
    anew,
    and the kernel fills them with zeros page by page: an eighth of the time of a small model's step.
        Elsewhere
    than on Linux with glibc nothing is done.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_MMAP_THRESHOLD, _GIBIBYTE)
            mallopt(_TRIM_THRESHOLD, _NEVER)
