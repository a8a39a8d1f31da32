"""Checksums inside files: damage is noticed when a file is read.

A sealed file holds, where its format has a place for remarks, the text `MARK` and 64 hexadecimal digits: the
SHA-256 of the file's bytes with these digits taken as zeros.
"""

import hashlib
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO

from tutti.core.files import regular

MARK = "sha256-with-zeros-here:"
DIGITS = 64
BLANK = MARK + "0" * DIGITS
"""What a writer puts where the checksum shall be."""
AT_END = (b"PK", b"PAR1")
"""What files begin with whose format has its remarks at the end (zip, Parquet); others begin with them."""
WINDOW = 2**16
"""Bytes from there among which the mark is."""
CHUNK = 2**20
AGAIN = "delete it and repeat the command that made it"
"""What helps where a command makes whatever is missing."""


class DamagedFile(ValueError):
    """A file of ours does not hold what was written.

    Args:
        path: of the file.
        wrong: what is wrong with it.
        advice: what to do about it.
    """

    def __init__(self, path: str | Path, wrong: str, advice: str = AGAIN) -> None:
        super().__init__(f"{path}: {wrong}; {advice}")
        self.path, self.wrong = path, wrong


def seal(path: Path) -> None:
    """Put the checksum into a file that holds `BLANK`; to be called before others see the file.

    Raises:
        ValueError: when it does not hold it.
    """
    with path.open("r+b") as file:
        at = _place(file)
        found = b"" if at is None else _read(file, at, DIGITS)
        if found != b"0" * DIGITS:
            raise ValueError(f"{path}: no place for a checksum in it")
        digest = _digest(file, at)
        file.seek(at)
        file.write(digest)


def verify(path: str | Path, advice: str = AGAIN, *, required: bool = True) -> None:
    """Compare a file with its checksum.

    Args:
        path: of the file.
        advice: what to do when it is damaged: the end of the message.
        required: whether it must have one.

    Raises:
        FileNotFoundError: when there is no such file.
        NotAFileError: when it is a pipe or the like.
        DamagedFile: when the checksum is another one, or missing though it is required.
    """
    regular(path)
    with Path(path).open("rb") as file:
        at = _place(file)
        if at is not None and _read(file, at, DIGITS) != _digest(file, at):
            raise DamagedFile(path, "damaged: its checksum is not that of its contents", advice)
    if at is None and required:
        raise DamagedFile(path, "has no checksum: damaged, or not written by this version of tutti", advice)


def is_sealed(path: str | Path) -> bool:
    """Whether a file has a checksum, right or not."""
    with Path(path).open("rb") as file:
        return _place(file) is not None


def _place(file: BinaryIO) -> int | None:
    """Where the digits begin; None without a mark."""
    at_end = _read(file, 0, 4).startswith(AT_END)
    start = max(0, file.seek(0, SEEK_END) - WINDOW) if at_end else 0
    near, mark = _read(file, start, WINDOW), MARK.encode()
    at = near.rfind(mark) if at_end else near.find(mark)
    return None if at < 0 else start + at + len(mark)


def _digest(file: BinaryIO, at: int) -> bytes:
    """Hexadecimal SHA-256 of the file with zeros from place `at` on."""
    digest, left = hashlib.sha256(), at
    file.seek(0)
    while part := file.read(min(left, CHUNK)):
        digest.update(part)
        left -= len(part)
    digest.update(b"0" * len(file.read(DIGITS)))
    while part := file.read(CHUNK):
        digest.update(part)
    return digest.hexdigest().encode()


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)
