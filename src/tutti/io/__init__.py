"""Readers of the public formats into `Structures`, one module per format.

A format is a module with `frames(path, units) -> Iterator[Frame]` and an entry in `SUFFIXES`. Where the names
of values are free it is in `NAMED`, and `frames` also takes the `Labels` that are asked for. Where samples
of a generator are read more leniently (see `tutti.io.samples`), it also has
`samples(path) -> Iterator[Frame | FormatError]`.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from tutti.core import memory, properties
from tutti.core.files import regular, sha256
from tutti.core.structures import Structures
from tutti.core.units import canonical, factor
from tutti.io import plausibility
from tutti.io.folders import below, name_of, warn_of
from tutti.io.frames import Frame, pack
from tutti.io.free_atoms import taken_out
from tutti.io.labels import Labels, check_names
from tutti.io.recovery import begins_like_xyz
from tutti.io.refusals import refusal
from tutti.io.text import FILE_END, FormatError
from tutti.io.writing import write

__all__ = ["SUFFIXES", "FormatError", "check", "read", "write"]

SPLIT = "split"
"""Column of data from several files: the part of the data that each structure is of."""
SUFFIXES = {
    ".xyz": "extxyz",
    ".extxyz": "extxyz",
    ".txt": "extxyz",
    ".sdf": "sdf",
    ".mol": "sdf",
    ".mol2": "mol2",
    ".pdb": "pdb",
    ".cif": "cif",
    ".npz": "npz",
    ".pt": "pt",
    ".pth": "pt",
    ".db": "ase_db",
    ".traj": "ase_traj",
    ".data": "n2p2",
    ".n2p2": "n2p2",
    ".xyz.gz": "extxyz",
    ".extxyz.gz": "extxyz",
    ".sdf.gz": "sdf",
    ".mol2.gz": "mol2",
    ".pdb.gz": "pdb",
    ".cif.gz": "cif",
    ".data.gz": "n2p2",
    ".n2p2.gz": "n2p2",
}
"""Module of the package by the end of a file's name, the one home of the formats (docs/formats.md).

A .txt file is read only if it begins like an xyz file, as the samples that EDM writes do.
"""
LENGTHS = {"extxyz": "Å", "ase_traj": "Å", "n2p2": "bohr"}
"""Units of length of formats that do not say them, unless others are given."""
QUANTITIES = ("energy", "length", "forces", "stress")
"""What the units of a file are of, beside those of columns."""
NAMED = frozenset({"extxyz", "npz", "pt", "ase_db", "ase_traj"})
"""Modules of formats in which energies, forces and stresses may have any name."""


def read(
    path: str | Path | Mapping[str, Path],
    *,
    samples: bool = False,
    units: Mapping[str, str] | None = None,
    keys: Mapping[str, str | None] | None = None,
    labels: bool = True,
    free_atoms: bool | Path = False,
) -> Structures:
    """Read a file, or all readable files in a folder and below it in natural order of their paths.

    Args:
        path: a file of a format in `SUFFIXES` (docs/formats.md), or a folder. Files of a folder that are of
            other kinds are warned of. QM9's own .xyz and a gdb9.sdf beside its gdb9.sdf.csv are known.
            Several are given by the part of the data that each holds; the column `split` then says it.
        samples: let NaN and inf through, as a generator may produce them; readers of data refuse them, and
            warn of what cannot be right (`tutti.io.plausibility`).
        units: units of `energy`, `length`, `forces` (default: energy/length), `stress` (energy/length³) in
            formats that do not fix them, and of columns. The result is in eV and Å, and columns of known
            properties in their own units.
        keys: names that `energy`, `forces` and `stress` have in the file, where they have others than usual;
            None for what is not to be read.
        labels: whether energies, forces and stresses are read; else they are not even looked at.
        free_atoms: take isolated atoms out, see `tutti.io.free_atoms.taken_out`: they are no structures, but
            `Structures.free_atoms`. A file or folder of them may be given that is not below `path`.

    Returns:
        The structures. A stress is the column `stress`: [N, 9], its matrix row by row, eV/Å³, ASE's sign.

    Raises:
        FormatError: when a file is malformed, needs units that are not given, has what looks like energies
            or forces under names that `keys` do not say, or lengths in other units than it is read in.
        FileNotFoundError: when there is no such file.
        ValueError: when a unit is unknown or given for something that the file does not have; when a key is.
        LimitError: when the memory does not suffice, see `tutti.core.memory.limited`.
    """
    units, wanted = dict(units or {}), Labels(keys or {}, labels)
    parts = {p: Path(each) for p, each in path.items()} if isinstance(path, Mapping) else {"": Path(path)}
    apart = {"": free_atoms} if isinstance(free_atoms, Path) else {}
    files = {each: files_of(each) for each in [*parts.values(), *apart.values()]}
    with memory.reading(next(iter(parts.values()))):
        frames, alone = (list(_frames(paths, files, units, wanted)) for paths in (parts, apart))
        if not samples:
            check_names([*frames, *alone], wanted)
        energies: dict[str, float] = {}
        if free_atoms:
            frames, energies = taken_out(frames, alone)
        first = next(iter(parts.values()))
        if not frames:
            raise FormatError(f"{first}:1", "a structure", "isolated atoms alone" if energies else FILE_END)
        structures = _with_column_units(pack(frames, samples), units)
        if not samples:
            of_lengths = _unit_of_length([file for found in files.values() for file in found])
            plausibility.check(structures, first, units if labels else None, of_lengths)
    source = " + ".join(source_of(each, found) for each, found in files.items())
    return replace(structures, free_atoms=energies, source=source)


def module_of(path: Path) -> str | None:
    """Name of the module of this package that reads the file, by its name; None for other files."""
    name = path.name.lower()
    return next((module for suffix, module in SUFFIXES.items() if name.endswith(suffix)), None)


def check(path: str | Path) -> None:
    """Look at a file's name (of a .txt at its beginning) before long work; what is in a folder is not seen.

    Raises:
        FileNotFoundError: when there is no such file or folder.
        NotAFileError: when it is a pipe, a socket or a device.
        FormatError: when it is a file of a kind that is not read; says why and how to convert it.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    regular(path)
    if not path.is_dir() and not _is_read(path):
        raise _refusal(path, str(path), f"a file named *{', *'.join(SUFFIXES)}")


def files_of(path: Path) -> list[Path]:
    """The file itself, or the files in a folder and below it that can be read, in natural order.

    Hidden files and folders are skipped. Files of other kinds are named in one warning.

    Raises:
        FileNotFoundError: when there is no such file or folder.
        FormatError: when it is a file of another kind, see `check`, or a folder without any that can be read.
    """
    check(path)
    if not path.is_dir():
        return [path]
    found = below(path)
    files = [file for file in found if _is_read(file)]
    # DeepChem's QM9 has the properties beside the geometries; the reader of the one reads both.
    tables = {file.with_name(f"{file.name}.csv") for file in files if module_of(file) == "sdf"}
    read_ones = tables.union(files)
    left = [file for file in found if file not in read_ones]
    if not files:
        expected = f"files named *{', *'.join(SUFFIXES)}"
        if not left:
            raise FormatError(str(path), expected, "none in this folder")
        raise _refusal(left[0], f"{path}: {name_of(left[0], path)}, the first of {len(left)}", expected)
    warn_of(left, path)
    return files


def _is_read(path: Path) -> bool:
    return path.is_file() and module_of(path) is not None and (not _is_txt(path) or begins_like_xyz(path))


def _is_txt(path: Path) -> bool:
    return path.suffix.lower() == ".txt"


def _refusal(path: Path, where: str, expected: str) -> FormatError:
    if _is_txt(path):
        return FormatError(where, "xyz: the number of atoms, a comment, a line per atom", "other text")
    return refusal(where, path.name, expected)


def _frames(
    parts: Mapping[str, Path], files: Mapping[Path, list[Path]], units: Mapping[str, str], labels: Labels
) -> Iterator[Frame]:
    """Frames of all files, each with its part of the data where that has a name."""
    for part, path in parts.items():
        for file in files[path]:
            for frame in memory.watched(file, frames_of(file, units, labels)):
                frame.info |= {SPLIT: part} if part else {}
                yield frame


def _unit_of_length(files: Collection[Path]) -> str | None:
    """In which lengths are read unless it is given; None where the files say it, or are of several kinds."""
    found = {LENGTHS.get(module_of(file)) for file in files}
    return found.pop() if len(found) == 1 else None


def frames_of(path: Path, units: Mapping[str, str], labels: Labels) -> Iterator[Frame]:
    """Frames of a file with the labels that are asked for, see `read`."""
    name = module_of(path)
    module = import_module(f"tutti.io.{name}")
    with settled(path):
        if name in NAMED:
            yield from module.frames(path, units, labels)
            return
        labels.refuse_names(path)
        for frame in module.frames(path, units):
            if not labels.wants("energy"):
                frame.energy = None
            if not labels.wants("forces"):
                frame.forces = None
            yield frame


@contextmanager
def settled(path: Path) -> Iterator[None]:
    """Refuse a file that grows or shrinks while the block reads it; errors of memory get its name.

    Raises:
        FormatError: when it does.
        NotAFileError, LimitError: see `tutti.core.files.regular` and `tutti.core.memory.reading`.
    """
    before = regular(path).st_size
    with memory.reading(path):
        yield
    after = path.stat().st_size
    if after != before:
        found = f"that it went from {before:,} to {after:,} bytes; wait until it is written"
        raise FormatError(str(path), "a file that nothing writes to while it is read", found)


def _with_column_units(structures: Structures, units: Mapping[str, str]) -> Structures:
    for name, unit in units.items():
        if name in QUANTITIES:
            continue
        if name not in structures.columns:
            known = ", ".join(dict.fromkeys([*QUANTITIES, *structures.columns]))
            raise ValueError(f"a unit is given for '{name}', but the structures have only {known}")
        kept = properties.KEYS[name].unit if name in properties.KEYS else canonical(unit)
        values = structures.columns[name] * factor(unit, kept)
        structures = structures.with_columns(units={name: kept}, **{name: values})
    return structures


def source_of(path: Path, files: list[Path]) -> str:
    """`Structures.source` of what was read from the files of a path."""
    if path.is_dir():
        lines = "".join(f"{sha256(file)}  {name_of(file, path)}\n" for file in files)
        return f"{name_of(path)}/ sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
    return f"{name_of(path)} sha256:{sha256(path)}"
