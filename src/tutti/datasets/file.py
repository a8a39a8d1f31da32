"""Bring your own data: a local file or folder in any format of `tutti.formats`."""

from dataclasses import dataclass, field
from pathlib import Path

from tutti import formats


@dataclass(frozen=True)
class Config:
    """Where the data are.

    Attributes:
        path: file or folder; a relative one counts from the working directory.
        units: units of `energy`, `length`, `forces` and of columns, where the format does not fix them.
    """

    path: Path
    units: dict[str, str] = field(default_factory=dict)


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Read the data and write them to `path` (.npz of `Structures`). `work` and `jobs` are not needed.

    Raises:
        FileNotFoundError, tutti.formats.FormatError, ValueError: see `tutti.formats.read`.
    """
    formats.read(config.path, units=config.units).save(path)
