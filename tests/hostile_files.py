"""Files that would eat the machine, and a reader of each in a process of its own that is measured."""

import gzip
import io
import os
import pickle
import resource
import signal
import socket
import sqlite3
import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tutti import io as tutti_io
from tutti.core.memory import limited
from tutti.io.samples import read_samples

Make = Callable[[Path], None]
FRAME = b"1\n\nH 0 0 0\n"


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


def text(contents: bytes) -> Make:
    """A file of these contents."""
    return lambda path: path.write_bytes(contents)


def _gzip_bomb(path: Path) -> None:
    with gzip.open(path, "wb", compresslevel=9) as file:
        for _ in range(300):
            file.write(b"\n" * 10**6)


def _npz_of_a_shape(path: Path) -> None:
    """An array of 10^12 numbers in its head and of one behind it."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, shape in {"positions": (10**12, 3, 3), "numbers": (3,)}.items():
            head = io.BytesIO()
            form = {"descr": "<f8", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(head, form)
            archive.writestr(f"{name}.npy", head.getvalue() + bytes(24))


def _npz_bomb(path: Path) -> None:
    """3 GB of zeros in 3 MB."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("positions.npy", "w", force_zip64=True) as file,
    ):
        shape = (10**6, 125, 3)
        form = {"descr": "<f8", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, form)
        for _ in range(3000):
            file.write(bytes(10**6))


def _npz_of_bzip2(path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((10, 10, 3)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("positions.npy", buffer.getvalue())
        archive.writestr("numbers.npy", buffer.getvalue())


def _npz_of_many(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(20_000):
            archive.writestr(str(i), b"")


def _npz_nested(path: Path) -> None:
    metadata = '{"units": ' + "[" * 200_000 + "]" * 200_000 + "}"
    np.savez(
        path,
        metadata=metadata,
        n_atoms=np.array([1]),
        numbers=np.array([1], np.uint8),
        positions=np.zeros((1, 3)),
    )


def _npz_of_objects(path: Path) -> None:
    np.savez(path, positions=np.array([[[0.0] * 3], None], dtype=object), numbers=np.array([1]))


def _sdf(counts: str, version: str = "V3000") -> bytes:
    lines = ["", "  x         3D", "", f"  0  0  0  0  0  0  0  0  0  0999 {version}", "M  V30 BEGIN CTAB"]
    lines += [f"M  V30 COUNTS {counts}", "M  V30 BEGIN ATOM", "M  V30 1 C 0 0 0 0", "M  V30 END ATOM"]
    return "\n".join([*lines, "M  V30 END CTAB", "M  END", "$$$$", ""]).encode()


def _database(path: Path) -> sqlite3.Connection:
    from ase import Atoms
    from ase.db import connect

    with connect(path) as database:
        for _ in range(3):
            database.write(Atoms("H"))
    return sqlite3.connect(path)


def _view_without_end(path: Path) -> None:
    with _database(path) as connection:
        columns = ", ".join(
            row[1] for row in connection.execute("PRAGMA table_info(systems)") if row[1] != "id"
        )
        connection.execute("ALTER TABLE systems RENAME TO kept")
        connection.execute(
            "CREATE VIEW systems AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
            f" SELECT i AS id, {columns} FROM n, (SELECT {columns} FROM kept LIMIT 1)"
        )
    connection.close()


def _blob_bomb(path: Path) -> None:
    with _database(path) as connection:
        connection.execute("UPDATE systems SET data = zeroblob(450000000), positions = zeroblob(450000000)")
    connection.close()


def _trajectory(path: Path) -> None:
    """One that says 10^11 frames."""
    path.write_bytes(
        b"- of Ulm" + b"ASE-Trajectory".ljust(16, b"\0") + struct.pack("<qqq", 3, 10**11, 48) + bytes(99)
    )


def _trajectory_of_an_array(path: Path) -> None:
    import ase
    from ase.io import write

    write(path, ase.Atoms("H20"))
    whole = path.read_bytes()
    offsets = struct.unpack("<q", whole[40:48])[0]
    item = struct.unpack("<q", whole[offsets : offsets + 8])[0]
    size = struct.unpack("<q", whole[item : item + 8])[0]
    said = (
        whole[item + 8 : item + 8 + size]
        .replace(b"[20, 3]", b"[9999999999, 3]")
        .replace(b"[20]", b"[9999999999]")
    )
    moved = whole[:offsets] + struct.pack("<q", len(whole)) + whole[offsets + 8 :]
    path.write_bytes(moved + struct.pack("<q", len(said)) + said)


def _torch_bomb(path: Path) -> None:
    """One number that has a shape of 10^11."""
    import torch

    torch.save({"positions": torch.zeros(1).expand(10**9, 33, 3), "numbers": torch.ones(33)}, path)


def _torch_laughs(path: Path) -> None:
    """A list of ten lists of ten lists ..."""
    import torch

    nested: object = 1.0
    for _ in range(12):
        nested = [nested] * 10
    torch.save({"positions": nested, "numbers": nested}, path)


def _torch_zeros(path: Path) -> None:
    """4 GB of zeros in 4 MB."""
    import torch

    plain = io.BytesIO()
    torch.save({"positions": torch.zeros(1, 1, 3), "numbers": torch.ones(1)}, plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            with new.open(name, "w", force_zip64=True) as file:
                file.write(old.read(name))
                for _ in range(4000 if name.endswith("data/0") else 0):
                    file.write(bytes(10**6))


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**12)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        where = Path.cwd()
        os.chdir(path.parent)
        bound.bind(path.name)
        os.chdir(where)


def _keys(path: Path) -> None:
    path.write_text("1\n" + " ".join(f"{i:x}=1" for i in range(10**6)) + "\nH 0 0 0\n")


def _json(path: Path) -> None:
    nested = "[" * 300_000 + "]" * 300_000
    path.write_text(
        f"1\nid='_JSON {nested}' Properties=species:S:1:pos:R:3\nH 0 0 0\n".replace("'_JSON ", "'_JSON \"")
    )


def _cif(path: Path) -> None:
    operations = "\n".join(f"'x+{i}/7,y,z'" for i in range(1, 400))
    atoms = "\n".join(f"C{i} C {i % 97 / 97:.5f} {i % 89 / 89:.5f} {i % 83 / 83:.5f}" for i in range(20_000))
    cell = "".join(f"_cell_length_{axis} 50\n" for axis in "abc")
    cell += "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
    sites = "loop_\n_atom_site_label\n_atom_site_type_symbol\n"
    sites += "".join(f"_atom_site_fract_{axis}\n" for axis in "xyz")
    symmetry = f"_symmetry_Int_Tables_number 1\n{cell}loop_\n_symmetry_equiv_pos_as_xyz\n{operations}\n"
    path.write_text(f"data_x\n{symmetry}{sites}{atoms}\n")


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
    Hostile("socket", "x.npz", _socket, "is a socket"),
    Hostile("link to itself", "x.xyz", lambda path: path.symlink_to(path.name), "no such file"),
    Hostile(
        "no read", "x.xyz", lambda path: path.symlink_to("/proc/self/mem"), "a structure|Input/output error"
    ),
    Hostile("sparse text", "x.xyz", _sparse, r"1,000 GB of memory or more, the limit is 2 GB.*--limit 4000"),
    Hostile("sparse sdf", "x.sdf", _sparse, "the limit is 2 GB"),
    Hostile("npz of a shape", "x.npz", _npz_of_a_shape, "declares 7.2e.13 bytes of numbers and holds"),
    Hostile("npz of bzip2", "x.npz", _npz_of_bzip2, "compressed otherwise than by deflate"),
    Hostile("npz of many arrays", "x.npz", _npz_of_many, "a directory of 20000 entries, at most 10000"),
    Hostile("npz nested", "x.npz", _npz_nested, "JSON text that nests too deeply"),
    Hostile("npz of objects", "x.npz", _npz_of_objects, "Python objects in positions"),
    Hostile(
        "sdf of 99,999,999 atoms",
        "x.sdf",
        text(_sdf("99999999 0 0 0 0")),
        "x.sdf:6: expected at most the 11 lines",
    ),
    Hostile(
        "sdf of bonds", "x.sdf", text(_sdf("1 99999999 0 0 0")), "x.sdf:6: expected at most the 11 lines"
    ),
    Hostile(
        "xyz of 10^12 atoms",
        "x.xyz",
        text(b"999999999999\n\n" + FRAME[3:]),
        "x.xyz:4: expected 999999999999 atom",
    ),
    Hostile(
        "mol2 of 10^9 atoms",
        "x.mol2",
        text(b"@<TRIPOS>MOLECULE\nx\n999999999 0\n@<TRIPOS>ATOM\n"),
        "999999999 lines",
    ),
    Hostile(
        "n2p2 without an end",
        "x.data",
        text(b"begin\n" + b"atom 1 2 3 O 0 0 4 5 6\n" * 9),
        "the end of the structure",
    ),
    Hostile("view without end", "x.db", _view_without_end, "a view called systems"),
    Hostile("trajectory of 10^11 frames", "x.traj", _trajectory, "it is damaged, or made to do that"),
    Hostile("trajectory of an array", "x.traj", _trajectory_of_an_array, "it is damaged, or made to do that"),
    Hostile("nested json", "x.extxyz", _json, "x.extxyz:2: expected JSON text", "read 1"),
    Hostile("digits", "x.xyz", text(b"1\nn=" + b"9" * 9999 + b"\nH 0 0 0\n"), "read 1"),
]
"""Each within a tenth of a second."""
COSTLY = [
    Hostile(
        "a million blank lines", "x.xyz", text(b"\n" * 1_100_000 + FRAME), "more than 1,000,000 blank lines"
    ),
    Hostile("gzip bomb", "x.xyz.gz", _gzip_bomb, "blank lines|inflates to at most"),
    Hostile(
        "gzip bomb of one line",
        "x.xyz.gz",
        lambda path: path.write_bytes(gzip.compress(bytes(3 * 10**8))),
        "lines of at most 10 MB",
    ),
    Hostile("npz bomb", "x.npz", _npz_bomb, "3 GB of memory or more, the limit is 2 GB"),
    Hostile(
        "one line of 500 MB", "x.xyz", text(b"1 " * 25 * 10**7), "x.xyz:1: expected lines of at most 10 MB"
    ),
    Hostile(
        "30 MB of tiny frames",
        "x.xyz",
        text(FRAME * 3_000_000),
        "the limit is 2 GB; if the file is sound, give --limit 4",
    ),
    Hostile("a million keys", "x.extxyz", _keys, "read 1|keys"),
    Hostile("blob bomb", "x.db", _blob_bomb, "the limit is 2 GB|readable ASE database"),
    Hostile("torch bomb", "x.pt", _torch_bomb, "396 GB of memory or more"),
    Hostile("torch of lists", "x.pt", _torch_laughs, "lists of more than 100,000,000 numbers"),
    Hostile("torch of zeros", "x.pt", _torch_zeros, "4 GB of memory or more"),
    Hostile("cif of many sites", "x.cif", _cif, "at most 50,000 images of its sites, found 7,980,000"),
]
