import errno
import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tutti.core.locks import BusyError, Lock, alone
from tutti.core.processes import Process

HOLD = """
import sys, time
from tutti.core.locks import Lock
lock = Lock("lock", "the folder")
lock.take()
print("held", flush=True)
sys.stdin.read()
lock.release()
print("free", flush=True)
"""
# The child shares the lock, and ends when its input does.
FORK = """
import os, sys, time
from tutti.core.locks import Lock
Lock("lock", "the folder").take()
if os.fork():
    print("held", flush=True)
    time.sleep(60)
sys.stdin.read()
"""


def start(code, folder):
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def record(**changes):
    return json.dumps(Process.this().values() | {"since": "then"} | changes)


@pytest.fixture
def no_locks(monkeypatch):
    """A file system that keeps no locks."""

    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)


def test_a_second_process_is_told_who_works_there(tmp_path):
    with start(HOLD, tmp_path) as holder:
        with pytest.raises(
            BusyError, match=rf"^the folder: in use by process {holder.pid} \(since .*stop it$"
        ):
            Lock(tmp_path / "lock", "the folder").take()
        holder.stdin.close()
        assert holder.stdout.read() == "free\n"
    assert list(tmp_path.iterdir()) == []
    with alone(tmp_path / "lock", "the folder"):
        assert Process.of(json.loads((tmp_path / "lock").read_text())) == Process.this()
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_may_wait(tmp_path, capsys):
    with start(HOLD, tmp_path) as holder:
        waiter = subprocess.Popen(
            [sys.executable, "-c", HOLD.replace("take()", "take(wait=True)")],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = waiter.stderr.readline()
        assert line.startswith(f"the folder: waiting for process {holder.pid} (since")
        holder.stdin.close()
        assert waiter.communicate("")[0] == "held\nfree\n"
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    with start(HOLD, tmp_path) as holder:
        holder.kill()
    assert (tmp_path / "lock").exists()
    with alone(tmp_path / "lock", "the folder"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_outlives_a_killed_process_is_waited_for(tmp_path, capsys):
    with start(FORK, tmp_path) as holder:
        holder.kill()
        holder.wait()
        child = subprocess.Popen(
            [sys.executable, "-c", HOLD],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stderr.readline() == f"the folder: waiting for what process {holder.pid} left behind\n"
        holder.stdin.close()
        child.communicate("")
        assert child.returncode == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host": "elsewhere", "boot": "another"}, "in use by process .* on elsewhere .* delete .*lock$"),
        ({"host": "elsewhere"}, None),  # another container
        ({"boot": "before"}, None),
        ({"pid": 2**22 + 1}, None),
        ({}, None),  # a lock of this machine that nobody holds
    ],
)
def test_a_lock_of_another_machine_is_not_taken_over(tmp_path, changes, message):
    (tmp_path / "lock").write_text(record(**changes))
    lock = Lock(tmp_path / "lock", "the folder")
    if message is None:
        lock.take()
        lock.release()
    else:
        with pytest.raises(BusyError, match=message):
            lock.take()
        assert (tmp_path / "lock").read_text() == record(**changes)


@pytest.mark.usefixtures("no_locks")
@pytest.mark.parametrize(
    ("changes", "busy"),
    [({}, True), ({"pid": 2**22 + 1}, False), ({"started": 1}, False), ({"host": "elsewhere"}, True)],
)
def test_without_locks_of_the_kernel_the_file_says_who_is_alive(tmp_path, changes, busy):
    (tmp_path / "lock").write_text(record(**changes))
    lock = Lock(tmp_path / "lock", "the folder")
    with pytest.warns(UserWarning, match="this file system keeps no locks"):
        if busy:
            with pytest.raises(BusyError, match="the folder: in use by process"):
                lock.take()
        else:
            lock.take()
            lock.release()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"host": 3}', "\0" * 20])
def test_a_file_that_says_nothing_is_taken_over(tmp_path, text):
    (tmp_path / "lock").write_text(text)
    with alone(tmp_path / "lock", "the folder"):
        pass


def test_a_process_that_is_gone_is_known_by_its_start():
    here = Process.this()
    assert not here.known_gone()
    assert Process(here.host, here.boot, here.pid, here.started - 1).known_gone()
    assert Process(here.host, "another boot", here.pid, here.started).known_gone()
    assert not Process("elsewhere", here.boot, 2**22 + 1, 0).known_gone()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19])
    that = Process(here.host, here.boot, child.pid, started)
    assert not that.known_gone()
    child.communicate(b"\n")
    assert that.known_gone()
