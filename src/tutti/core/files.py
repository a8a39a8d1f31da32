"""Files that appear whole or not at all, and their hashes."""

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ROOM = 1 << 16
"""Bytes free; with fewer a disk is full to what says no more than that it could not write."""
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class DiskFullError(OSError):
    """There is no room to write a file; the message names it."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(f"{path}: no room: the disk is full, or a quota; make room and repeat the command")


@contextmanager
def needs_room(path: str | Path) -> Iterator[None]:
    """Tell what goes wrong in the block for want of room as `DiskFullError` of `path`, whoever writes it."""
    try:
        yield
    except DiskFullError:
        raise
    except Exception as error:
        if _no_room(error, Path(path).parent):
            raise DiskFullError(path) from error
        raise


def _no_room(error: Exception, folder: Path) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _NO_ROOM
    # Compiled writers raise errors of their own, some of which do not say why.
    if any(os.strerror(number) in str(error) for number in _NO_ROOM):
        return True
    free = os.statvfs(folder)
    return free.f_bavail * free.f_frsize < _ROOM


class NotAFileError(OSError):
    """Something that has a file's name and may never end."""


def regular(path: str | Path) -> os.stat_result:
    """The status of a file or folder; what has no end, or keeps a reader waiting, is refused unopened.

    Raises:
        NotAFileError: when it is a pipe, a socket or a device.
        OSError: when there is nothing of that name.
    """
    status = Path(path).stat()
    if kind := _KINDS.get(stat.S_IFMT(status.st_mode)):
        raise NotAFileError(f"{path}: is {kind}, which may have no end; save what comes out of it as a file")
    return status


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that is renamed to `path` when the block ends without an error.

    The temporary name keeps the suffix, so that writers which look at it behave the same. A process killed
    inside the block leaves `path` as it was.

    Raises:
        DiskFullError: when there is no room for what the block writes.
    """
    path = Path(path)
    with needs_room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            with needs_room(path):  # while what was written still fills the disk
                yield temporary
            # mkstemp makes private files; results are shared, so give them the mode an ordinary open() would.
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short(digest: str) -> str:
    """A hash, with or without the name of its kind, as messages show it: twelve digits of it."""
    kind, colon, digits = digest.rpartition(":")
    return f"{kind}{colon}{digits[:12]}…"


def files_among(values: Iterable[object]) -> list[str]:
    """Those values, or entries of lists among them, that are the path of a file."""
    entries = [entry for value in values for entry in (value if isinstance(value, list) else [value])]
    return [entry for entry in entries if isinstance(entry, str) and Path(entry).is_file()]
