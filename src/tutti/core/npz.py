"""NumPy archives: ours with a checksum (see `tutti.core.seals`), others' with nothing taken on trust.

Nothing is pickled or unpickled.
"""

import math
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tutti.core import memory
from tutti.core.files import atomic_path, regular
from tutti.core.seals import BLANK, DamagedFile, seal, verify

MOST = 10_000
"""Arrays of an archive; a file's directory of more would itself take much memory."""
_NAME = 65_535  # bytes of the longest name in a zip directory


class _Arrays(Mapping[str, np.ndarray]):
    """Arrays by name, each read when it is asked for, after what its head declares was looked at."""

    def __init__(self, path: Path, archive: np.lib.npyio.NpzFile) -> None:
        self._path, self._archive = path, archive

    def __iter__(self) -> Iterator[str]:
        return iter(self._archive)

    def __len__(self) -> int:
        return len(self._archive)

    def __getitem__(self, name: str) -> np.ndarray:
        member = name if name in self._archive.zip.namelist() else f"{name}.npy"
        if member not in self._archive.zip.namelist():
            raise KeyError(name)
        memory.require(self._path, declared(self._archive.zip, member))
        with self._archive.zip.open(member) as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
            # Only at the end of a member zip compares its checksum.
            if file.read(1):
                raise ValueError(f"{name} holds more than its head says")
        return array


def write(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write one uncompressed archive, atomically. Same arrays in the same order, same bytes."""
    with atomic_path(path) as temporary:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.comment = BLANK.encode()
        seal(temporary)


def read(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an archive, by name; one without a checksum is trusted as far as zip's own go.

    Raises:
        OSError: when it cannot be opened, or is no file but a pipe or the like.
        DamagedFile: when it is no complete archive, or its checksum another one.
        LimitError: when an array takes more memory than reading may.
    """
    verify(path, required=False)
    try:
        with open_npz(path) as archive:
            if not archive:
                raise ValueError(f"{path}: no complete .npz archive (it holds nothing)")
            return dict(archive)
    except memory.LimitError:
        raise
    except ValueError as error:
        raise DamagedFile(path, str(error).removeprefix(f"{path}: ")) from error


@contextmanager
def open_npz(path: str | Path) -> Iterator[Mapping[str, np.ndarray]]:
    """The arrays of an .npz archive by name, each read when it is asked for. Never unpickles.

    Raises:
        FileNotFoundError: when there is no such file.
        NotAFileError: when it is a pipe or the like.
        ValueError: when it is no complete archive, or declares more than it holds.
        LimitError: when an array takes more memory than reading may.
    """
    regular(path)
    try:
        with memory.reading(path):
            _check_directory(Path(path))
            with np.load(path, allow_pickle=False) as archive:
                if not isinstance(archive, np.lib.npyio.NpzFile):
                    raise ValueError("a single array")
                yield _Arrays(Path(path), archive)
    except (FileNotFoundError, PermissionError, memory.LimitError):
        raise
    except Exception as error:  # a damaged zip raises errors of a dozen types
        raise ValueError(f"{path}: no complete .npz archive without pickled objects ({error})") from error


def heads(archive: zipfile.ZipFile) -> Iterator[tuple[str, tuple[int, ...], np.dtype]]:
    """Name, shape and type of each array; nothing but the arrays' heads is read."""
    for member in archive.namelist():
        yield member.removesuffix(".npy"), *_head(archive, member)


def declared(archive: zipfile.ZipFile, member: str) -> int:
    """Bytes of an array, as both its head and the archive's directory say.

    Raises:
        ValueError: when they do not agree, or the array is compressed as NumPy never does.
    """
    info = archive.getinfo(member)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Python's readers of the others inflate without a bound.
        raise ValueError(f"{member}: compressed otherwise than by deflate")
    shape, dtype = _head(archive, member)
    size = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and size > info.file_size:
        raise ValueError(f"{member}: declares {size:.4g} bytes of numbers and holds {info.file_size:.4g}")
    return info.file_size


def _head(archive: zipfile.ZipFile, member: str) -> tuple[tuple[int, ...], np.dtype]:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        form = np.lib.format
        read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
        shape, _, dtype = read(file)
        return shape, dtype


def _check_directory(path: Path) -> None:
    """Refuse a zip file whose directory would take much memory, by the number of entries that it declares."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 22 - _NAME))
        tail = file.read()
    start = tail.rfind(b"PK\x05\x06")
    if start < 0 or len(tail) < start + 22:
        raise ValueError("not a zip file")
    number, length = struct.unpack("<HL", tail[start + 10 : start + 16])
    if number > MOST or length > MOST * 1000:
        raise ValueError(
            f"a directory of {number if number < _NAME else 'many'} entries, at most {MOST} are read"
        )
