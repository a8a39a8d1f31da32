"""Signals by which a terminal, a shell or a scheduler stops programs, kept from code that would mishear them.

RDKit's embedding takes Ctrl-C for itself while it runs: it then finds no conformer and says nothing, also in
a program that ignores Ctrl-C, as those in the background of a script do.
"""

import ctypes
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STOPPING = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM})
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl
_LIBC = ctypes.CDLL(None)


@contextmanager
def held() -> Iterator[None]:
    """Keep the signals of `STOPPING` from this thread, and from processes forked in the block for good.

    Those that come meanwhile arrive after the block.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with_parent() -> None:
    """Have the system kill this process as soon as its parent is gone, however that ends; on Linux only."""
    with suppress(AttributeError):
        _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
