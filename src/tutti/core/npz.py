"""Arrays of our own on disk, as .npz with a checksum (see `tutti.core.seals`). Nothing is pickled."""

from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from tutti.core.files import atomic_path
from tutti.core.seals import BLANK, DamagedFile, seal, verify


def write(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write one uncompressed archive, atomically. Same arrays in the same order, same bytes."""
    with atomic_path(path) as temporary:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)
        with ZipFile(temporary, "a") as archive:
            archive.comment = BLANK.encode()
        seal(temporary)


def read(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an archive, by name; one without a checksum is trusted as far as zip's own go.

    Raises:
        FileNotFoundError, PermissionError: when it cannot be opened.
        DamagedFile: when it is no complete archive, or its checksum another one.
    """
    verify(path, required=False)
    try:
        with ZipFile(path) as archive:
            if not (names := archive.namelist()):
                raise ValueError("it holds nothing")
            return {name.removesuffix(".npy"): _array(archive, name) for name in names}
    except Exception as error:  # a damaged zip raises errors of a dozen types
        raise DamagedFile(path, f"no complete .npz archive without pickled objects ({error})") from error


def _array(archive: ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        # Only at the end of a member zip compares its checksum.
        if file.read(1):
            raise ValueError(f"{name} holds more than its head says")
    return array
