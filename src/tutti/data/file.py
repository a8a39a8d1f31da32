"""Bring your own data: local files or folders in any format of `tutti.io`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tutti import io
from tutti.core import elements
from tutti.core.registry import closest
from tutti.data.splits import PARTS
from tutti.io.labels import Labels


@dataclass(frozen=True)
class Config:
    """Where the data are.

    Relative paths count from the working directory. Isolated atoms (`config_type=IsolatedAtom`, or neutral
    frames of one atom without periodicity that have an energy) are in no split: their energies are what the
    `references` of force fields are by default.

    Attributes:
        path: file or folder; or several by the part that each holds, `{train: a.xyz, valid: b.xyz, test:
            c.xyz}`: the split then needs `column: split`.
        elements: only structures that are made of these elements are taken; None: all.
        units: units of `energy`, `length`, `forces` and of columns, where the format does not fix them.
        free_atoms: file or folder of isolated atoms alone that is not below `path`.
        keys: names that `energy`, `forces` and `stress` have in the file, where they are not called so; null
            for what is not to be read, such as `{forces: null}` to train on energies alone.
    """

    path: Path | dict[str, Path]
    elements: tuple[str, ...] | None = None
    units: dict[str, str] = field(default_factory=dict)
    free_atoms: Path | None = None
    keys: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Labels(self.keys)
        if unknown := sorted(set(self.elements or ()) - elements.NUMBERS.keys()):
            raise ValueError(f"elements {', '.join(unknown)}: no such symbol")
        parts = self.path if isinstance(self.path, Mapping) else {}
        for part in parts.keys() - set(PARTS):
            raise ValueError(f"path: no part of the data is called {closest(part, PARTS)}")
        if parts and "train" not in parts:
            raise ValueError("path: no file to train on; name one as 'train'")


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Read the data and write them to `path` (.npz of `Structures`). `work` and `jobs` are not needed.

    Raises:
        FileNotFoundError, tutti.io.FormatError, ValueError: see `tutti.io.read`; a ValueError also
            when there is no structure of these elements, or energies without forces and not said so.
    """
    structures = io.read(
        config.path, units=config.units, keys=config.keys, free_atoms=config.free_atoms or True
    )
    if structures.energy is not None and structures.forces is None and "forces" not in config.keys:
        hint = "if energies alone are to be learnt, say keys: {forces: null}"
        raise ValueError(f"{config.path}: has energies but no forces; {hint}")
    if config.elements is not None:
        wanted = [elements.NUMBERS[symbol] for symbol in config.elements]
        other = np.flatnonzero(~np.isin(structures.numbers, wanted))
        rows = np.searchsorted(structures.offsets, other, side="right") - 1
        structures = structures[np.setdiff1d(np.arange(len(structures)), rows)]
        if not len(structures):
            raise ValueError(f"{config.path}: no structure is made of {', '.join(config.elements)} only")
    structures.save(path)
