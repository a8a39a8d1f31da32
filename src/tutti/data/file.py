"""Bring your own data: a local file or folder in any format of `tutti.io`."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tutti import io
from tutti.core import elements
from tutti.io.labels import Labels


@dataclass(frozen=True)
class Config:
    """Where the data are.

    Attributes:
        path: file or folder; a relative one counts from the working directory.
        elements: only structures that are made of these elements are taken; None: all.
        units: units of `energy`, `length`, `forces` and of columns, where the format does not fix them.
        keys: names that `energy`, `forces` and `stress` have in the file, where they are not called so; null
            for what is not to be read, such as `{forces: null}` to train on energies alone.
    """

    path: Path
    elements: tuple[str, ...] | None = None
    units: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Labels(self.keys)
        if unknown := sorted(set(self.elements or ()) - elements.NUMBERS.keys()):
            raise ValueError(f"elements {', '.join(unknown)}: no such symbol")


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Read the data and write them to `path` (.npz of `Structures`). `work` and `jobs` are not needed.

    Raises:
        FileNotFoundError, tutti.io.FormatError, ValueError: see `tutti.io.read`; a ValueError also
            when there is no structure of these elements, or energies without forces and not said so.
    """
    structures = io.read(config.path, units=config.units, keys=config.keys)
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
