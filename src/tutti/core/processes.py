"""Which process is which, across machines and after a restart of one."""

import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from platform import node
from typing import Any, Self


@dataclass(frozen=True)
class Process:
    """A process of some machine.

    Attributes:
        host: the machine's name.
        boot: what its kernel calls the time since it was started; empty where none says so.
        pid: number of the process.
        started: when it began, in the kernel's ticks since the boot, which no change of the clock moves; -1
            where unknown.
    """

    host: str
    boot: str
    pid: int
    started: int

    @classmethod
    def this(cls) -> Self:
        """The process that asks."""
        boot = ""
        with suppress(OSError):
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return cls(node(), boot, os.getpid(), _started(os.getpid()))

    @classmethod
    def of(cls, values: Any) -> Self | None:
        """From what `values` gave; None for anything else."""
        kinds = {"host": str, "boot": str, "pid": int, "started": int}
        if not isinstance(values, dict) or not all(
            isinstance(values.get(name), kind) for name, kind in kinds.items()
        ):
            return None
        return cls(**{name: values[name] for name in kinds})

    def values(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    def same_kernel(self) -> bool:
        """Whether the kernel that runs now has started it, be it in another container."""
        here = Process.this()
        return self.boot == here.boot and bool(here.boot or self.host == here.host)

    def known_gone(self) -> bool:
        """Whether it certainly runs no more: False for a process of another machine."""
        if self.host != node():
            return False
        if not self.same_kernel():
            return True  # this machine was started anew
        with suppress(PermissionError):
            try:
                os.kill(self.pid, 0)
            except ProcessLookupError:
                return True
        return _started(self.pid) != self.started


def _started(pid: int) -> int:
    """Ticks from the boot to the start of a process, see proc(5); -1 where there is no /proc or process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return -1
    # The second field is the program's name in parentheses, which may hold anything.
    return int(stat.rpartition(")")[2].split()[19])
