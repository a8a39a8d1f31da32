"""What is known of a set of structures before it is made, from the `Config` of its kind."""

import zipfile
from functools import singledispatch
from itertools import islice
from pathlib import Path

import numpy as np

from tutti.data import file, langevin, li4p2o7, lips, qm9, shipped, water16
from tutti.data.public import OfMolecule
from tutti.io.arrays import NAMES


def is_periodic(config: object) -> bool:
    """Whether the structures are known to be periodic; of a user's own file it is not known."""
    return isinstance(config, water16.Config | lips.Config | li4p2o7.Config)


@singledispatch
def most_structures(config: object) -> int | None:
    """How many structures there are at most; None where only making the set, or a job, can tell."""
    return None


@most_structures.register
def _(config: langevin.Sampling) -> int:
    return config.frames


@most_structures.register
def _(config: qm9.Config) -> int | None:
    return _in_file(shipped.EMBEDDED / config.shipped) if config.shipped else config.expected_molecules


@most_structures.register
def _(config: OfMolecule) -> int | None:
    return config.frames(int(np.sum(config.MOLECULES[config.molecule][-1])))


@most_structures.register
def _(config: lips.Config) -> int | None:
    return config.frames(lips.FRAMES)


@most_structures.register
def _(config: file.Config) -> int | None:
    if isinstance(config.path, Path):
        return _in_file(config.path)
    counts = list(most_by_part(config).values())
    return None if None in counts else sum(counts)


def most_by_part(config: object) -> dict[str, int | None]:
    """The same for each part of a set that is in several files by the part that each holds; empty: of others.

    Isolated atoms among the structures are counted, too.
    """
    if not isinstance(config, file.Config) or isinstance(config.path, Path):
        return {}
    return {part: _in_file(path) for part, path in config.path.items()}


def _in_file(path: Path) -> int | None:
    """Structures in a file, where they can be counted cheaply; what is wrong with a file, its reader says."""
    if not path.is_file():
        return None
    if path.suffix == ".npz":
        return _in_npz(path)
    return _in_xyz(path) if path.suffix in (".xyz", ".extxyz") else None


def _in_npz(path: Path) -> int | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [f"{name}.npy" for name in ("n_atoms", *NAMES["positions"])]
            name = next(name for name in names if name in archive.namelist())
            with archive.open(name) as array:
                np.lib.format.read_magic(array)
                return np.lib.format.read_array_header_1_0(array)[0][0]
    except (zipfile.BadZipFile, StopIteration, ValueError, IndexError):
        return None


def _in_xyz(path: Path) -> int | None:
    """Each frame is its number of atoms, a comment, and a line for each atom."""
    count = 0
    with path.open("rb") as lines:
        for line in lines:
            if not line.strip().isdigit():
                return None if line.strip() else count
            n = int(line) + 1
            if sum(1 for _ in islice(lines, n)) < n:
                return None
            count += 1
    return count
