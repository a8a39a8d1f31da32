"""A parallel map whose items may hang, crash or eat all memory without harming each other.

For functions that call compiled code (RDKit, OpenBabel, xTB): no thread can interrupt that, so items run in
forked worker processes. The worker arms a kernel timer for its items whose signal ends the process,
wherever it is; the parent sees the death, records it for that item and goes on in a fresh worker. Forking
hands `items` to the workers without copying and starts one in milliseconds. As after any fork, `function`
must not use thread pools (OpenMP, torch) that the parent has already started.

What happens to an item from outside is no result of it. Workers hear none of the signals that stop programs:
it is for the parent to end them, and they die with it. An item whose worker is killed (by a user, or for
want of memory) is tried once more, and so is one whose time ran out while everything was stopped (Ctrl-Z).
"""

import gc
import math
import mmap
import multiprocessing
import pickle
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from tutti.core import signals
from tutti.core.progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

# A worker reports its results this often (s): what it holds back is done again if it dies.
REPORT_INTERVAL = 0.05
# Items that begin within this time (s) share one timer, which costs as much as a small item; none gets less
# than its limit, and some get this much more.
TIMER_SLACK = 0.01
MAX_CHUNK = 256
# The parent looks at the clock this often (s); where so much time (s) is missing, everything was stopped.
TICK, MISSING = 0.5, 2.0
_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Timeout:
    """The item took longer than the limit."""


@dataclass(frozen=True)
class Crash:
    """The worker died on the item.

    Attributes:
        exitcode: exit code of the process; -n when signal n killed it.
    """

    exitcode: int


class ItemError(RuntimeError):
    """The function raised an exception on an item: a bug, not a bad item. The message holds the traceback."""


@dataclass
class _Worker:
    process: multiprocessing.process.BaseProcess
    connection: Connection
    current: memoryview  # [1] int64, shared with the process: index of the item begun last
    todo: range = range(0)  # items handed out and not yet reported
    stopped: int = -1  # the item at hand when everything was stopped for a while


def map_killable(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    jobs: int,
    time_limit: float,
    progress: str | None = None,
) -> list[Result | Timeout | Crash]:
    """`[function(item) for item in items]` in `jobs` processes; what hangs or crashes gives just that.

    Args:
        function: results must be picklable; it may be a closure.
        items: any sequence; items are read in the workers.
        jobs: number of worker processes.
        time_limit: s of wall time for one item.
        progress: label of the progress that is shown, or None to show none.

    Raises:
        ItemError: when `function` raised an exception; all workers are stopped first.
    """
    if jobs < 1 or time_limit <= 0:
        raise ValueError(f"jobs must be at least 1 and time_limit positive, got {jobs} and {time_limit}")
    bar = Progress(progress or "", len(items), silent=progress is None)
    results = _Pool(function, items, jobs, time_limit).run(bar.update)
    bar.close()
    return results


class _Pool:
    """The parent's side: hands out ranges of item indices and collects their results."""

    def __init__(
        self, function: Callable[[Any], Any], items: Sequence[Any], jobs: int, time_limit: float
    ) -> None:
        self.function, self.items, self.jobs, self.time_limit = function, items, jobs, time_limit
        self.results: list[Any] = [None] * len(items)
        self.waiting = deque([range(len(items))] if len(items) else [])
        self.workers: dict[Connection, _Worker] = {}
        self.n_settled = 0
        self.killed: set[int] = set()  # items whose worker was killed once

    def run(self, report: Callable[[int], object]) -> list[Any]:
        try:
            for _ in range(min(self.jobs, len(self.items))):
                self._start_worker()
            seen = time.monotonic()
            while self.n_settled < len(self.items):
                ready = wait(list(self.workers), TICK)
                before, seen = seen, time.monotonic()
                if seen - before > MISSING:
                    for worker in self.workers.values():
                        worker.stopped = worker.current[0]
                for connection in ready:
                    settled = self._receive(self.workers[connection])
                    self.n_settled += settled
                    report(settled)
        finally:
            for worker in self.workers.values():
                worker.process.kill()
            for worker in self.workers.values():
                worker.process.join()
                worker.connection.close()
        return self.results

    def _start_worker(self) -> None:
        ours, theirs = _FORK.Pipe()
        current = memoryview(mmap.mmap(-1, 8)).cast("q")
        # A worker must not hold the parent's ends of any pipe, or nobody would notice the parent's death.
        inherited = [ours, *self.workers]
        arguments = (self.function, self.items, self.time_limit, theirs, current, inherited)
        process = _FORK.Process(target=_work, args=arguments, daemon=True)
        with signals.held():
            process.start()
        theirs.close()
        self.workers[ours] = worker = _Worker(process, ours, current)
        self._hand_out(worker)

    def _hand_out(self, worker: _Worker) -> None:
        """Give the worker its next range, if there is one."""
        if not self.waiting:
            return
        # Shrinking ranges: few messages at first, and all workers end at about the same time.
        left = sum(map(len, self.waiting))
        size = max(1, min(left // (4 * self.jobs), MAX_CHUNK))
        first = self.waiting.popleft()
        worker.todo, rest = first[:size], first[size:]
        if rest:
            self.waiting.appendleft(rest)
        worker.current[0] = worker.todo.start
        with suppress(BrokenPipeError):  # a dead worker is noticed when its connection is read
            worker.connection.send((worker.todo.start, worker.todo.stop))

    def _receive(self, worker: _Worker) -> int:
        """Take one message, or note the worker's death. Returns how many items it settled."""
        try:
            results, error = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._bury(worker)
        done, worker.todo = worker.todo[: len(results)], worker.todo[len(results) :]
        self.results[done.start : done.stop] = results
        if error:
            raise ItemError(f"item {worker.current[0]}: {error}")
        if not worker.todo:
            self._hand_out(worker)
        return len(results)

    def _bury(self, worker: _Worker) -> int:
        """Blame the item that the worker began last for its death; queue the others again."""
        del self.workers[worker.connection]
        worker.connection.close()
        worker.process.join()
        if not worker.todo:
            return 0
        exitcode, culprit = worker.process.exitcode, worker.current[0]
        timed_out = exitcode == -signal.SIGALRM
        if blamed := self._is_to_blame(worker, exitcode, culprit):
            self.results[culprit] = Timeout() if timed_out else Crash(exitcode)
        rest = [range(worker.todo.start, culprit), range(culprit + int(blamed), worker.todo.stop)]
        self.waiting.extendleft(part for part in reversed(rest) if part)
        if self.waiting:
            self._start_worker()
        return int(blamed)

    def _is_to_blame(self, worker: _Worker, exitcode: int, culprit: int) -> bool:
        """Whether the item and nothing from outside ended its worker."""
        if exitcode == -signal.SIGKILL and culprit not in self.killed:
            self.killed.add(culprit)
            return False
        return exitcode != -signal.SIGALRM or culprit != worker.stopped


def _work(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    time_limit: float,
    connection: Connection,
    current: memoryview,
    inherited: list[Connection],
) -> None:
    """The worker's side: until the parent is gone, take a range of items and send their results in order."""
    signals.die_with_parent()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    gc.freeze()  # a collection would touch, and so copy, all objects shared with the parent
    for other in inherited:
        other.close()
    # The connection fails when the parent is gone.
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            chunk = range(*connection.recv())
            for message in _messages(chunk, function, items, time_limit, current):
                connection.send_bytes(message)


def _messages(
    chunk: range,
    function: Callable[[Any], Any],
    items: Sequence[Any],
    time_limit: float,
    current: memoryview,
) -> Iterator[bytes]:
    """Pickled (results, error) of the items of a chunk; an error (a traceback) comes last."""
    results, reported, armed, now = [], time.monotonic(), -math.inf, time.monotonic()
    try:
        for index in chunk:
            current[0] = index
            if now - armed > TIMER_SLACK:
                signal.setitimer(signal.ITIMER_REAL, time_limit + TIMER_SLACK)
                armed = now
            results.append(function(items[index]))
            now = time.monotonic()
            if now - reported > REPORT_INTERVAL:
                signal.setitimer(signal.ITIMER_REAL, 0)
                yield pickle.dumps((results, ""))
                results, reported, armed = [], now, -math.inf
        signal.setitimer(signal.ITIMER_REAL, 0)
        yield pickle.dumps((results, ""))
    except Exception:
        signal.setitimer(signal.ITIMER_REAL, 0)
        yield pickle.dumps(([], traceback.format_exc()))
