"""Files that would eat the machine, and a reader of each in a process of its own that is measured."""

import gzip
import os
import pickle
import resource
import signal
import warnings
from dataclasses import dataclass
from pathlib import Path

import hostile_makers as m
from hostile_makers import FRAME, Make
from tutti import io as tutti_io
from tutti.core.memory import limited
from tutti.io.samples import read_samples


@dataclass(frozen=True)
class Outcome:
    """How reading ended.

    Attributes:
        text: the error in words, `read N` without one, or `killed` by a signal.
        expected: whether that was an error for users, or none.
        peak: MB of resident memory at most, beyond what the process began with.
        seconds: of processor time.
    """

    text: str
    expected: bool
    peak: float
    seconds: float


def outcome(path: Path, samples: bool, limit: float = 2.0, seconds: int = 60) -> Outcome:
    """Read a file in a child process, which is ended after so many seconds of processor time."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        signal.alarm(3 * seconds)
        try:
            start = _resident()
            os.write(into, pickle.dumps((*_read(path, samples, limit), start)))
        finally:
            os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as answer:
        told = answer.read()
    _, status, usage = os.wait4(child, 0)
    text, expected, start = pickle.loads(told) if told else (f"killed by signal {status}", False, 0.0)
    return Outcome(text, expected, usage.ru_maxrss / 1000 - start, usage.ru_utime + usage.ru_stime)


def _resident() -> float:
    """MB of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


def _read(path: Path, samples: bool, limit: float) -> tuple[str, bool]:
    warnings.simplefilter("ignore")
    try:
        with limited(limit):
            found = read_samples([path]) if samples else tutti_io.read(path)
        return f"read {len(found)}", True
    except (ValueError, OSError) as error:
        return str(error), type(error).__module__.startswith("tutti") or isinstance(error, OSError)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"[:500], False


@dataclass(frozen=True)
class Hostile:
    """A file: what it is, its name, how it is made, and what must be said of it as a regular expression.

    Attributes:
        samples: what is said of it as samples where that is something else; "" for the same.
    """

    what: str
    name: str
    make: Make
    said: str
    samples: str = ""


CHEAP = [
    Hostile("pipe", "x.xyz", os.mkfifo, "is a pipe, which may have no end"),
    Hostile(
        "device", "x.xyz", lambda path: path.symlink_to("/dev/zero"), "is a device, which may have no end"
    ),
    Hostile("socket", "x.npz", m.bound_socket, "is a socket"),
    Hostile("link to itself", "x.xyz", lambda path: path.symlink_to(path.name), "no such file"),
    Hostile(
        "no read", "x.xyz", lambda path: path.symlink_to("/proc/self/mem"), "a structure|Input/output error"
    ),
    Hostile("sparse text", "x.xyz", m.sparse, r"1,000 GB of memory or more.*--limit 4000"),
    Hostile("sparse sdf", "x.sdf", m.sparse, "the limit is 2 GB"),
    Hostile("npz of a shape", "x.npz", m.npz_of_a_shape, "declares 7.2e.13 bytes of numbers and holds"),
    Hostile("npz of bzip2", "x.npz", m.npz_of_bzip2, "compressed otherwise than by deflate"),
    Hostile("npz of many arrays", "x.npz", m.npz_of_many, "a directory of 20000 entries, at most 10000"),
    Hostile("npz nested", "x.npz", m.npz_nested, "JSON text that nests too deeply"),
    Hostile("npz of objects", "x.npz", m.npz_of_objects, "Python objects in positions"),
    Hostile(
        "sdf of 99,999,999 atoms",
        "x.sdf",
        m.text(m.sdf("99999999 0 0 0 0")),
        "x.sdf:6: expected at most the 11 lines",
    ),
    Hostile(
        "sdf of bonds",
        "x.sdf",
        m.text(m.sdf("1 99999999 0 0 0")),
        "x.sdf:6: expected at most the 11 lines",
    ),
    Hostile(
        "xyz of 10^12 atoms",
        "x.xyz",
        m.text(b"999999999999\n\n" + FRAME[3:]),
        "x.xyz:4: expected 999999999999 atom",
    ),
    Hostile(
        "mol2 of 10^9 atoms",
        "x.mol2",
        m.text(b"@<TRIPOS>MOLECULE\nx\n999999999 0\n@<TRIPOS>ATOM\n"),
        "999999999 lines",
    ),
    Hostile(
        "n2p2 without an end",
        "x.data",
        m.text(b"begin\n" + b"atom 1 2 3 O 0 0 4 5 6\n" * 9),
        "the end of the structure",
    ),
    Hostile("view without end", "x.db", m.view_without_end, "a view called systems"),
    Hostile("trajectory of 10^11 frames", "x.traj", m.trajectory, "it is damaged, or made to do that"),
    Hostile("trajectory of an array", "x.traj", m.trajectory_of_an_array, "it is damaged, or made to"),
    Hostile("nested json", "x.extxyz", m.json, "x.extxyz:2: expected JSON text", "read 1"),
    Hostile("digits", "x.xyz", m.text(b"1\nn=" + b"9" * 9999 + b"\nH 0 0 0\n"), "read 1"),
]
"""Each within a tenth of a second."""
COSTLY = [
    Hostile(
        "a million blank lines",
        "x.xyz",
        m.text(b"\n" * 1_100_000 + FRAME),
        "more than 1,000,000 blank lines",
    ),
    Hostile("gzip bomb", "x.xyz.gz", m.gzip_bomb, "blank lines|inflates to at most"),
    Hostile(
        "gzip bomb of one line",
        "x.xyz.gz",
        lambda path: path.write_bytes(gzip.compress(bytes(3 * 10**8))),
        "lines of at most 10 MB",
    ),
    Hostile("npz bomb", "x.npz", m.npz_bomb, "3 GB of memory or more, the limit is 2 GB"),
    Hostile(
        "one line of 500 MB",
        "x.xyz",
        m.text(b"1 " * 25 * 10**7),
        "x.xyz:1: expected lines of at most 10 MB",
    ),
    Hostile(
        "30 MB of tiny frames",
        "x.xyz",
        m.text(FRAME * 3_000_000),
        "the limit is 2 GB; if the file is sound, give --limit 4",
    ),
    Hostile("a million keys", "x.extxyz", m.keys, "read 1|keys"),
    Hostile("blob bomb", "x.db", m.blob_bomb, "the limit is 2 GB|readable ASE database"),
    Hostile("torch bomb", "x.pt", m.torch_bomb, "396 GB of memory or more"),
    Hostile("torch of lists", "x.pt", m.torch_laughs, "lists of more than 100,000,000 numbers"),
    Hostile("torch of zeros", "x.pt", m.torch_zeros, "4 GB of memory or more"),
    Hostile("cif of many sites", "x.cif", m.cif, "at most 50,000 images of its sites, found 7,980,000"),
]
