"""Bring your own data: a local file or folder in any format of `tutti.io`."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tutti import io
from tutti.core import elements


@dataclass(frozen=True)
class Config:
    """Where the data are.

    Attributes:
        path: file or folder; a relative one counts from the working directory.
        elements: only structures that are made of these elements are taken; None: all.
        units: units of `energy`, `length`, `forces` and of columns, where the format does not fix them.
    """

    path: Path
    elements: tuple[str, ...] | None = None
    units: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.elements or ()) - elements.NUMBERS.keys()):
            raise ValueError(f"elements {', '.join(unknown)}: no such symbol")


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Read the data and write them to `path` (.npz of `Structures`). `work` and `jobs` are not needed.

    Raises:
        FileNotFoundError, tutti.io.FormatError, ValueError: see `tutti.io.read`; a ValueError also
            when there is no structure of these elements.
    """
    structures = io.read(config.path, units=config.units)
    if config.elements is not None:
        wanted = [elements.NUMBERS[symbol] for symbol in config.elements]
        other = np.flatnonzero(~np.isin(structures.numbers, wanted))
        rows = np.searchsorted(structures.offsets, other, side="right") - 1
        structures = structures[np.setdiff1d(np.arange(len(structures)), rows)]
        if not len(structures):
            raise ValueError(f"{config.path}: no structure is made of {', '.join(config.elements)} only")
    structures.save(path)
