"""Finished parts of long computations on disk, found again by what they were computed from."""

import hashlib
import json
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

import pandas as pd

from tutti.core import parquet

T = TypeVar("T")


class Format(NamedTuple, Generic[T]):
    """How parts of one kind are kept in files.

    Attributes:
        suffix: of the files.
        write: a part to a path, whole or not at all.
        read: what `write` wrote; raises FileNotFoundError for a file that is not there, another OSError or a
            ValueError for one that is damaged.
    """

    suffix: str
    write: Callable[[T, Path], None]
    read: Callable[[Path], T]


class Saved(Protocol):
    """What keeps itself in a file, such as `Structures`."""

    def save(self, path: Path) -> None:
        """Write a file, whole or not at all."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""


def npz(kind: type[Saved]) -> Format:
    """The format of a class with `save` and `load`."""
    return Format(".npz", kind.save, kind.load)


FRAMES: Format[pd.DataFrame] = Format(".parquet", parquet.write, parquet.read_one)


class Parts(Generic[T]):
    """Parts of one kind in a folder, each under the hash of its key.

    A part is written whole or not at all, so a killed computation goes on from its last finished part; one
    whose key differs in anything, or that was made with other versions of packages, is computed anew, and so,
    with a warning, is one that was damaged since.
    """

    def __init__(self, folder: Path, kind: Format[T] = FRAMES) -> None:
        self.folder, self.kind = folder, kind

    def get(self, key: Any, compute: Callable[[], T]) -> T:
        """The part with this key, as it is on disk; computed if it is not there.

        Args:
            key: everything else that the part depends on, as JSON types.
            compute: makes the part.
        """
        if (found := self.find(key)) is not None:
            return found
        path = self._path(key)
        self.kind.write(compute(), path)
        return self.kind.read(path)

    def find(self, key: Any) -> T | None:
        """The part with this key, if it is there and whole."""
        path = self._path(key)
        try:
            return self.kind.read(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            warnings.warn(f"{path}: damaged since it was written; it is made again", stacklevel=3)
            path.unlink()  # or it would be warned of whenever it is looked for
            return None

    def _path(self, key: Any) -> Path:
        text = json.dumps([key, _versions()], sort_keys=True)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}{self.kind.suffix}"


@cache
def _versions() -> list[str]:
    """Names and versions of all installed packages, as their folders are called; reading them is slow."""
    folders = {Path(entry) for entry in sys.path if Path(entry).is_dir()}
    return sorted({found.name for folder in folders for found in folder.glob("*.dist-info")})
