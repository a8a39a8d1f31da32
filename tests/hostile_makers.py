"""Makers of files that would eat the machine."""

import gzip
import io
import os
import socket
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

Make = Callable[[Path], None]
FRAME = b"1\n\nH 0 0 0\n"


def text(contents: bytes) -> Make:
    """A file of these contents."""
    return lambda path: path.write_bytes(contents)


def gzip_bomb(path: Path) -> None:
    with gzip.open(path, "wb", compresslevel=9) as file:
        for _ in range(300):
            file.write(b"\n" * 10**6)


def npz_of_a_shape(path: Path) -> None:
    """An array of 10^12 numbers in its head and of one behind it."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, shape in {"positions": (10**12, 3, 3), "numbers": (3,)}.items():
            head = io.BytesIO()
            form = {"descr": "<f8", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(head, form)
            archive.writestr(f"{name}.npy", head.getvalue() + bytes(24))


def npz_bomb(path: Path) -> None:
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


def npz_of_bzip2(path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((10, 10, 3)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("positions.npy", buffer.getvalue())
        archive.writestr("numbers.npy", buffer.getvalue())


def npz_of_many(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(20_000):
            archive.writestr(str(i), b"")


def npz_nested(path: Path) -> None:
    metadata = '{"units": ' + "[" * 200_000 + "]" * 200_000 + "}"
    np.savez(
        path,
        metadata=metadata,
        n_atoms=np.array([1]),
        numbers=np.array([1], np.uint8),
        positions=np.zeros((1, 3)),
    )


def npz_of_objects(path: Path) -> None:
    np.savez(path, positions=np.array([[[0.0] * 3], None], dtype=object), numbers=np.array([1]))


def sdf(counts: str, version: str = "V3000") -> bytes:
    lines = ["", "  x         3D", "", f"  0  0  0  0  0  0  0  0  0  0999 {version}", "M  V30 BEGIN CTAB"]
    lines += [f"M  V30 COUNTS {counts}", "M  V30 BEGIN ATOM", "M  V30 1 C 0 0 0 0", "M  V30 END ATOM"]
    return "\n".join([*lines, "M  V30 END CTAB", "M  END", "$$$$", ""]).encode()


def database(path: Path) -> sqlite3.Connection:
    from ase import Atoms
    from ase.db import connect

    with connect(path) as database:
        for _ in range(3):
            database.write(Atoms("H"))
    return sqlite3.connect(path)


def view_without_end(path: Path) -> None:
    with database(path) as connection:
        columns = ", ".join(
            row[1] for row in connection.execute("PRAGMA table_info(systems)") if row[1] != "id"
        )
        connection.execute("ALTER TABLE systems RENAME TO kept")
        connection.execute(
            "CREATE VIEW systems AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
            f" SELECT i AS id, {columns} FROM n, (SELECT {columns} FROM kept LIMIT 1)"
        )
    connection.close()


def blob_bomb(path: Path) -> None:
    with database(path) as connection:
        connection.execute("UPDATE systems SET data = zeroblob(450000000), positions = zeroblob(450000000)")
    connection.close()


def trajectory(path: Path) -> None:
    """One that says 10^11 frames."""
    path.write_bytes(
        b"- of Ulm" + b"ASE-Trajectory".ljust(16, b"\0") + struct.pack("<qqq", 3, 10**11, 48) + bytes(99)
    )


def trajectory_of_an_array(path: Path) -> None:
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


def torch_bomb(path: Path) -> None:
    """One number that has a shape of 10^11."""
    import torch

    torch.save({"positions": torch.zeros(1).expand(10**9, 33, 3), "numbers": torch.ones(33)}, path)


def torch_laughs(path: Path) -> None:
    """A list of ten lists of ten lists ..."""
    import torch

    nested: object = 1.0
    for _ in range(12):
        nested = [nested] * 10
    torch.save({"positions": nested, "numbers": nested}, path)


def torch_zeros(path: Path) -> None:
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


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**12)


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        where = Path.cwd()
        os.chdir(path.parent)
        bound.bind(path.name)
        os.chdir(where)


def keys(path: Path) -> None:
    path.write_text("1\n" + " ".join(f"{i:x}=1" for i in range(10**6)) + "\nH 0 0 0\n")


def json(path: Path) -> None:
    nested = "[" * 300_000 + "]" * 300_000
    path.write_text(
        f"1\nid='_JSON {nested}' Properties=species:S:1:pos:R:3\nH 0 0 0\n".replace("'_JSON ", "'_JSON \"")
    )


def cif(path: Path) -> None:
    operations = "\n".join(f"'x+{i}/7,y,z'" for i in range(1, 400))
    atoms = "\n".join(f"C{i} C {i % 97 / 97:.5f} {i % 89 / 89:.5f} {i % 83 / 83:.5f}" for i in range(20_000))
    cell = "".join(f"_cell_length_{axis} 50\n" for axis in "abc")
    cell += "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
    sites = "loop_\n_atom_site_label\n_atom_site_type_symbol\n"
    sites += "".join(f"_atom_site_fract_{axis}\n" for axis in "xyz")
    symmetry = f"_symmetry_Int_Tables_number 1\n{cell}loop_\n_symmetry_equiv_pos_as_xyz\n{operations}\n"
    path.write_text(f"data_x\n{symmetry}{sites}{atoms}\n")
