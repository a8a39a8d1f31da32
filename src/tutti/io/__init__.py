"""Readers of the public formats into `Structures`, one module per format.

A format is a module with `frames(path, units) -> Iterator[Frame]` and an entry in `SUFFIXES`. Where samples
of a generator are read more leniently (see `tutti.io.samples`), it also has
`samples(path) -> Iterator[Frame | FormatError]`.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from tutti.core import properties
from tutti.core.files import sha256
from tutti.core.structures import Structures
from tutti.core.units import canonical, factor
from tutti.io.frames import Frame, pack
from tutti.io.text import FILE_END, FormatError

__all__ = ["SUFFIXES", "FormatError", "read"]

SUFFIXES = {
    ".xyz": "extxyz",
    ".extxyz": "extxyz",
    ".sdf": "sdf",
    ".mol2": "mol2",
    ".npz": "npz",
    ".db": "ase_db",
    ".data": "n2p2",
    ".n2p2": "n2p2",
    ".xyz.gz": "extxyz",
    ".extxyz.gz": "extxyz",
    ".sdf.gz": "sdf",
    ".mol2.gz": "mol2",
    ".data.gz": "n2p2",
    ".n2p2.gz": "n2p2",
}
"""Module of the package by the end of a file's name."""


def read(path: str | Path, *, samples: bool = False, units: Mapping[str, str] | None = None) -> Structures:
    """Read a file, or all readable files of a folder in the order of their names.

    Args:
        path: extended or plain .xyz, .sdf, .mol2, .npz (MD17, rMD17, or written by this package), ASE .db,
            n2p2 .data; text formats also gzipped. QM9's own .xyz and a gdb9.sdf beside its gdb9.sdf.csv are
            known.
        samples: let NaN and inf through, as a generator may produce them; readers of data refuse them.
        units: units of `energy`, `length`, `forces` (default: energy/length) in formats that do not fix them,
            and of columns. The result is in eV and Å, and columns of known properties in their own units.

    Raises:
        FormatError: when a file is malformed, or needs units that are not given.
        FileNotFoundError: when there is no such file.
        ValueError: when a unit is unknown or given for something that the file does not have.
    """
    path, units = Path(path), dict(units or {})
    files = files_of(path)
    frames = [frame for file in files for frame in _frames(file, units)]
    if not frames:
        raise FormatError(f"{path}:1", "a structure", FILE_END)
    structures = _with_column_units(pack(frames, samples), units)
    return replace(structures, source=source_of(path, files))


def module_of(path: Path) -> str | None:
    """Name of the module of this package that reads the file, by its name; None for other files."""
    name = path.name.lower()
    return next((module for suffix, module in SUFFIXES.items() if name.endswith(suffix)), None)


def files_of(path: Path) -> list[Path]:
    """The file itself, or the files of a folder that can be read, in the order of their names.

    Raises:
        FileNotFoundError: when there is no such file or folder.
        FormatError: when it is a file of another kind, or a folder without any that can be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if not path.is_dir():
        if module_of(path) is None:
            raise FormatError(str(path), f"a file named *{', *'.join(SUFFIXES)}", _shown_suffix(path))
        return [path]
    files = sorted(p for p in path.iterdir() if p.is_file() and p.name[0] != "." and module_of(p))
    if not files:
        raise FormatError(str(path), f"files named *{', *'.join(SUFFIXES)}", "none in this folder")
    return files


def _shown_suffix(path: Path) -> str:
    return f"'{path.suffix}'" if path.suffix else "no suffix"


def _frames(path: Path, units: Mapping[str, str]) -> Iterator[Frame]:
    return import_module(f"tutti.io.{module_of(path)}").frames(path, units)


def _with_column_units(structures: Structures, units: Mapping[str, str]) -> Structures:
    for name, unit in units.items():
        if name in ("energy", "length", "forces"):
            continue
        if name not in structures.columns:
            known = ", ".join(["energy", "length", "forces", *structures.columns])
            raise ValueError(f"a unit is given for '{name}', but the structures have only {known}")
        kept = properties.KEYS[name].unit if name in properties.KEYS else canonical(unit)
        values = structures.columns[name] * factor(unit, kept)
        structures = structures.with_columns(units={name: kept}, **{name: values})
    return structures


def name_of(path: Path) -> str:
    """The file's name, in valid Unicode whatever its bytes."""
    return os.fsencode(path.absolute().name).decode(errors="replace")


def source_of(path: Path, files: list[Path]) -> str:
    """`Structures.source` of what was read from the files of a path."""
    if path.is_dir():
        lines = "".join(f"{sha256(file)}  {name_of(file)}\n" for file in files)
        return f"{name_of(path)}/ sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
    return f"{name_of(path)} sha256:{sha256(path)}"
