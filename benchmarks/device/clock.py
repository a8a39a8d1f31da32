"""An end to what takes too long."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# s; the signal comes again, because Python drops an exception that is raised while it frees an object.
AGAIN = 1.0


class OutOfTime(BaseException):
    """The time is over. No `Exception`, so that nothing on the way takes it for an error and goes on."""


@contextmanager
def limit(end: float) -> Iterator[None]:
    """Raise OutOfTime in the block when `time.time()` reaches `end`. On Unix, in the main thread.

    Limits may be nested; the earliest end counts. A call into compiled code is not interrupted.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    outer, _ = signal.getitimer(signal.ITIMER_REAL)
    outer_end = time.time() + outer if outer else float("inf")
    left = min(end, outer_end) - time.time()
    if left <= 0.0:
        raise OutOfTime
    previous = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, left, AGAIN)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, previous)
        if outer:
            signal.setitimer(signal.ITIMER_REAL, max(outer_end - time.time(), 1e-3), AGAIN)


def share(end: float, left: int) -> float:
    """End of an equal share of the time until `end` for the next of `left` things."""
    now = time.time()
    return now + max(end - now, 0.0) / max(left, 1)
