"""Run a command whose whole offspring ends with it, with this process, or with the one that started this.

    python keeper.py --of PID [--stay] [--remove FILE]... -- COMMAND...

SLURM's job steps make themselves sessions and parents of their own, so that no process group holds a cluster.
Here orphans come back to this process (a subreaper), which kills all that descend from it. `--stay` waits to
be ended, also when the command is no more: a daemon that is killed on purpose leaves its jobs alive.
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
PATIENCE = 20  # s for a daemon to end in order


def parents():
    """Process id -> its parent's, of all processes."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except OSError:
            continue  # it has just ended
        found[int(folder.name)] = int(text.rpartition(")")[2].split()[1])
    return found


def descendants(ancestor):
    tree = parents()
    found, layer = set(), {ancestor}
    while layer := {child for child, parent in tree.items() if parent in layer} - found:
        found |= layer
    return found


def reap():
    """Collect ended children; True while any is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def kill_all():
    while reap():
        for process in descendants(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


def ended(process):
    """Wait for the command, and collect whatever else ends meanwhile."""
    while process.poll() is None:
        time.sleep(0.1)
    return process.returncode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--of", type=int, required=True, help="the process that starts this one")
    parser.add_argument("--stay", action="store_true")
    parser.add_argument("--remove", type=Path, action="append", default=[])
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != options.of:  # it ended before anything here would have been told
        return 1
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    process = subprocess.Popen(options.command)
    try:
        code = ended(process)
        while options.stay:
            reap()
            time.sleep(0.1)
        return code
    except SystemExit:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        raise
    finally:
        kill_all()
        for path in options.remove:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
