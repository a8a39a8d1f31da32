"""Archives of files, read and extracted safely."""

import bz2
import errno
import gzip
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import IO

CHUNK = 1 << 20
MAX_BYTES = 32 << 30
"""Most bytes that an archive unpacks to, where nothing else is said."""


class ArchiveError(ValueError):
    """An archive is truncated, damaged, unsafe or larger than allowed."""


def members(archive: Path, *, max_bytes: int = MAX_BYTES) -> Iterator[tuple[str, bytes]]:
    """(name, contents) of the regular files in a .tar, .tar.gz, .tar.bz2 or .zip, in their order.

    Everything is checked before it is handed out: names that lead out of the archive's own folder, links and
    devices are refused, and an archive that ends early raises. The largest member has to fit into memory.

    Args:
        archive: the file; its first bytes tell the format.
        max_bytes: most bytes that the archive may unpack to.

    Raises:
        ArchiveError: naming the archive and what is wrong with it.
    """
    archive = Path(archive)
    try:
        yield from _safe_entries(archive, max_bytes)
    except ArchiveError as error:
        raise ArchiveError(f"{archive}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # damage raises errors of a dozen types
        # Those of the decompressors have no number, a position before the start is an invalid argument; all
        # others with a number are the file system's.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise ArchiveError(f"{archive}: truncated or damaged ({error})") from error


def extract(archive: Path, folder: Path, *, max_bytes: int = MAX_BYTES) -> Path:
    """Unpack an archive into `folder`, which appears whole or not at all; one that exists is left as it is.

    Raises:
        ArchiveError: see `members`; also when two members have the same name.
    """
    folder = Path(folder)
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        whole = Path(temporary, "whole")
        whole.mkdir()
        for name, contents in members(archive, max_bytes=max_bytes):
            try:
                (whole / name).parent.mkdir(parents=True, exist_ok=True)
                with (whole / name).open("xb") as file:
                    file.write(contents)
            except (FileExistsError, NotADirectoryError) as error:
                raise ArchiveError(f"{archive}: holds '{name}' twice") from error
        whole.rename(folder)
    return folder


def _safe_entries(archive: Path, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    entries = _zip_entries if _magic(archive).startswith(b"PK") else _tar_entries
    for name, contents in entries(archive, max_bytes):
        path = PureWindowsPath(name)  # knows both kinds of slashes, and drives
        if path.anchor or ".." in path.parts:
            raise ArchiveError(f"refused: the name '{name}' leads out of the archive's folder")
        if contents is not None:
            yield "/".join(path.parts), contents


def _zip_entries(archive: Path, max_bytes: int) -> Iterator[tuple[str, bytes | None]]:
    """Names with contents; None for a folder."""
    with zipfile.ZipFile(archive) as file:
        if sum(info.file_size for info in file.infolist()) > max_bytes:
            raise ArchiveError(f"refused: unpacks to more than {max_bytes} bytes")
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ArchiveError(f"refused: '{info.filename}' is a link or a device")
            yield info.filename, None if info.is_dir() else file.read(info)


def _tar_entries(archive: Path, max_bytes: int) -> Iterator[tuple[str, bytes | None]]:
    """Names with contents; None for a folder. Read once from front to end: bz2 cannot seek."""
    with _open_decompressed(archive) as file:
        stream = _Bounded(file, max_bytes)
        # With one block per read, `stream.last` is the block at which tarfile stopped. It stops at damage
        # and at a missing end without a word; a whole archive ends in a block of zeros.
        with tarfile.open(fileobj=stream, mode="r|", bufsize=tarfile.BLOCKSIZE) as tar:
            for member in tar:
                if not member.isdir() and (not member.isreg() or member.issparse()):
                    raise ArchiveError(f"refused: '{member.name}' is a link, a device or a sparse file")
                yield member.name, None if member.isdir() else tar.extractfile(member).read()
        if stream.last != bytes(tarfile.BLOCKSIZE):
            raise EOFError("no end-of-archive mark")
        while stream.read(CHUNK):  # up to the decompressor's own checksum
            pass


def _open_decompressed(archive: Path) -> IO[bytes]:
    magic = _magic(archive)
    if magic == b"BZh":
        return bz2.open(archive)
    return gzip.open(archive) if magic.startswith(b"\x1f\x8b") else archive.open("rb")


def _magic(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(3)


class _Bounded:
    """The reading half of a file that refuses to give more than `max_bytes` and remembers the last piece."""

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self.file, self.max_bytes, self.left, self.last = file, max_bytes, max_bytes, b""

    def read(self, size: int) -> bytes:
        self.last = self.file.read(size)
        self.left -= len(self.last)
        if self.left < 0:
            raise ArchiveError(f"refused: unpacks to more than {self.max_bytes} bytes")
        return self.last
