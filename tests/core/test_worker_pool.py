"""The killable map: hanging, crashing and failing functions, order, and no processes left behind."""

import faulthandler
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tutti.core.worker_pool import Crash, ItemError, Timeout, map_killable


def misbehave(item):
    if item == "hang":
        time.sleep(60)
    if item == "spin":
        while True:
            pass
    if item == "segfault":
        faulthandler.disable()
        os.kill(os.getpid(), signal.SIGSEGV)
    if item == "exit":
        os._exit(3)
    return item * 2


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_are_those_of_a_loop_in_order(jobs):
    items = list(range(1000))
    assert map_killable(lambda x: x * x, items, jobs, 10) == [x * x for x in items]


def test_bad_items_give_their_outcome_and_spare_the_others():
    items = list(range(40))
    items[3], items[4], items[17], items[39] = "hang", "segfault", "spin", "exit"
    expected = [x * 2 if isinstance(x, int) else None for x in items]
    expected[3] = expected[17] = Timeout()
    expected[4], expected[39] = Crash(-signal.SIGSEGV), Crash(3)
    before = children()
    assert map_killable(misbehave, items, jobs=2, time_limit=1) == expected
    assert children() == before


def test_the_limit_is_for_one_item_not_for_all():
    items = [0.3] * 6
    assert map_killable(lambda s: time.sleep(s) or s, items, jobs=1, time_limit=1) == items


def test_every_item_may_crash():
    assert map_killable(misbehave, ["segfault"] * 7, 2, 5) == [Crash(-signal.SIGSEGV)] * 7


def test_no_items():
    assert map_killable(misbehave, [], 2, 5) == []


def test_results_already_reported_are_not_done_again(tmp_path):
    def log(item):
        with (tmp_path / str(item)).open("a") as file:
            file.write("x")
        time.sleep(0.1 if item < 10 else 0)
        return misbehave("segfault" if item == 8 else item)

    # Items 0 ... 9 are one chunk.
    expected = [2 * i if i != 8 else Crash(-signal.SIGSEGV) for i in range(40)]
    assert map_killable(log, range(40), 1, 5) == expected
    assert [(tmp_path / str(i)).read_text() for i in range(40)] == ["x"] * 40


@pytest.mark.parametrize("bug", [lambda _: None + 1, lambda _: lambda: 0], ids=["raises", "not picklable"])
def test_a_bug_in_the_function_is_raised_with_its_traceback(bug):
    before = children()
    with pytest.raises(ItemError, match=r"item \d+: Traceback"):
        map_killable(bug, range(10), 2, 5)
    assert children() == before


@pytest.mark.parametrize(("jobs", "time_limit"), [(0, 1), (1, 0)])
def test_senseless_arguments(jobs, time_limit):
    with pytest.raises(ValueError, match="jobs must be at least 1"):
        map_killable(misbehave, [1], jobs, time_limit)


def test_signals_that_stop_programs_do_not_reach_the_items():
    def interrupted(item):
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)  # as RDKit takes Ctrl-C for itself
            os.kill(os.getpid(), number)
        return item

    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert map_killable(interrupted, range(20), 2, 5) == list(range(20))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_an_item_whose_worker_is_killed_has_one_more_chance(tmp_path):
    def killed(item):
        seen = tmp_path / str(item)
        if item % 2 and (item == 3 or not seen.exists()):
            seen.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    expected = [Crash(-signal.SIGKILL) if item == 3 else item for item in range(8)]
    assert map_killable(killed, range(8), 2, 5) == expected


def test_time_while_everything_was_stopped_does_not_count(tmp_path):
    # Items 0 and 1 hang when they are first tried, item 3 always: no item's own speed matters.
    code = (
        "import os, time\n"
        "from tutti.core import worker_pool\n"
        "worker_pool.TICK, worker_pool.MISSING = 0.1, 1.0\n"
        "def tried(item):\n"
        f"    seen = {str(tmp_path)!r} + f'/{{item}}'\n"
        "    if item == 3 or item < 2 and not os.path.exists(seen):\n"
        "        open(seen, 'w').close(), os.write(1, b'.\\n'), time.sleep(60)\n"
        "    return item\n"
        "print(worker_pool.map_killable(tried, range(4), 2, 2.5), flush=True)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as parent:
        assert [parent.stdout.readline() for _ in range(2)] == [".\n"] * 2
        os.killpg(parent.pid, signal.SIGTSTP)  # Ctrl-Z
        time.sleep(3)
        os.killpg(parent.pid, signal.SIGCONT)
        *_, results = parent.stdout
    assert results == "[0, 1, 2, Timeout()]\n"


ENDS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL]


@pytest.mark.parametrize("end", ENDS)
def test_no_orphans_when_the_parent_is_stopped(end):
    code = (
        "import os, signal, time\n"
        # What starts in the background of a shell ignores Ctrl-C, and so do its children: this one must not.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "for each in (signal.SIGQUIT, signal.SIGHUP): signal.signal(each, signal.SIG_DFL)\n"
        "from tutti.core.worker_pool import map_killable\n"
        "map_killable(lambda _: os.write(1, b'%d\\n' % os.getpid()) and time.sleep(300), range(4), 2, 400)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        workers = [int(parent.stdout.readline()) for _ in range(2)]
        parent.send_signal(end)
        assert parent.wait(timeout=30) != 0
    assert all(_ends(worker, within=30) for worker in workers)


def _ends(pid: int, within: float) -> bool:
    """Whether a process is gone, or a zombie that only waits for its reaper, before long."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False
