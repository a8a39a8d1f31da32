"""One process at a time: locks that the kernel frees when their process ends, however it ends."""

import errno
import fcntl
import json
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tutti.core.files import needs_room
from tutti.core.logs import announce
from tutti.core.processes import Process

PATIENCE = 1.0
"""s of waiting before a line says what for."""
# What file systems answer that keep no such locks, NFS without its daemon among them.
_NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)


class BusyError(OSError):
    """Another process is at work there."""


class Lock:
    """The exclusive lock of a file, which holds who has it; the file is deleted when the lock is let go.

    Children that are forked while it is held share it: what outlives a killed process keeps it until it ends.

    Args:
        path: of the file, made if need be.
        what: is locked, as messages call it.
    """

    def __init__(self, path: str | Path, what: str) -> None:
        self.path, self.what = Path(path), what
        self._descriptor: int | None = None

    def take(self, wait: bool = False) -> None:
        """Take the lock.

        Left by a process that was killed, it is taken over, once what that has started has ended, too.

        Args:
            wait: for a process that holds it; of one of another machine, whose locks may not reach this one,
                nothing is asked then: for what is better not done twice, but may be.

        Raises:
            BusyError: when a living process holds it, or one of another machine may.
        """
        descriptor = self._open(wait)
        holder, since = self._holder(descriptor)
        # Where locks reach no other machine, or do not exist, what the file says is all there is.
        sure = wait or holder is None or holder.known_gone() or (self._kernel and holder.same_kernel())
        if not sure:
            os.close(descriptor)
            raise BusyError(self._busy(holder, since))
        own = Process.this().values() | {"since": time.strftime("%Y-%m-%d %H:%M:%S")}
        try:
            with needs_room(self.path):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(own).encode(), 0)
        except OSError:
            self._give_up(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Let it go, if it is held."""
        if self._descriptor is not None:
            self._give_up(self._descriptor)
            self._descriptor = None

    def _give_up(self, descriptor: int) -> None:
        # Deleted before the lock is free, so that it is nobody's newer file.
        with suppress(OSError):
            self.path.unlink()
        os.close(descriptor)

    def _open(self, wait: bool) -> int:
        """Descriptor of the file with this name, locked."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                self._kernel = self._locked(descriptor, wait)
                with suppress(FileNotFoundError):  # deleted by who let it go: another one counts now
                    if os.path.samestat(os.fstat(descriptor), self.path.stat()):
                        return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _locked(self, descriptor: int, wait: bool) -> bool:
        """Lock; False where the file system cannot, which is told."""
        began, told = time.monotonic(), False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                holder, since = self._holder(descriptor)
                left = holder is not None and holder.known_gone()
                if not (wait or left):
                    raise BusyError(self._busy(holder, since)) from None
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                advice = "do not let two commands write there at once"
                warnings.warn(f"{self.path}: this file system keeps no locks: {advice}", stacklevel=4)
                return False
            if not told and time.monotonic() - began > PATIENCE:
                told = True
                of = f"what process {holder.pid} left behind" if left and holder else _name(holder, since)
                announce(f"{self.what}: waiting for {of}")
            time.sleep(0.05)

    @staticmethod
    def _holder(descriptor: int) -> tuple[Process | None, str]:
        """Who wrote the file, and since when the lock is held; None where that is not to be read."""
        try:
            values = json.loads(os.pread(descriptor, 10_000, 0))
        except ValueError:
            return None, ""
        return Process.of(values), str(values.get("since", "")) if isinstance(values, dict) else ""

    def _busy(self, holder: Process | None, since: str) -> str:
        text = f"{self.what}: in use by {_name(holder, since)}"
        if holder is None or holder.same_kernel():
            return f"{text}; wait for it to end, or stop it"
        return f"{text}; if that does not run there any more, delete {self.path}"


def _name(holder: Process | None, since: str) -> str:
    if holder is None:
        return "another process"
    there = "" if holder.same_kernel() else f" on {holder.host}"
    return f"process {holder.pid}{there} (since {since})"


@contextmanager
def alone(path: str | Path, what: str, wait: bool = False) -> Iterator[None]:
    """Hold a `Lock` inside the block, see `Lock.take`."""
    lock = Lock(path, what)
    lock.take(wait)
    try:
        yield
    finally:
        lock.release()
