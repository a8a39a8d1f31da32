"""Text files read with their line numbers, and the one error of malformed input."""

import gzip
import io
import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import numpy as np

from tutti.core import memory
from tutti.core.files import regular

FILE_END = "the end of the file"
LONGEST = 10**7
"""Bytes of a line."""
SOUND, INFLATION = 10**8, 100
"""Bytes that any gzip file may inflate to, and how many times its size; text shrinks to a tenth."""
BLANK = 10**6
"""Blank lines in a row, after which nothing is expected to come."""
CHUNK = 1 << 16


class FormatError(ValueError):
    """A file that breaks its format: file and line, what was expected, and what stands there."""

    def __init__(self, where: str, expected: str, found: str) -> None:
        super().__init__(f"{where}: expected {expected}, found {found}")


class OtherContent(FormatError):
    """A file in good order that holds something else than structures, such as a network's weights."""


def shown(text: str) -> str:
    """`text` quoted and shortened for an error message."""
    text = text.strip()
    return repr(text if len(text) <= 80 else text[:77] + "...")


class EndlessError(FormatError):
    """A text file that goes on as no file of structures does; what stands before is sound."""


class _Bounded(io.RawIOBase):
    """The bytes of a text file, plain or gzip, as far as the file went when it was opened.

    Raises, when read:
        EndlessError: for a line that is too long, or a gzip file that inflates as only a bomb does.
        LimitError: for more text than reading may take memory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = regular(path).st_size
        self._packed = path.suffix.lower() == ".gz"
        if not self._packed:
            memory.require(path, self._size)
        self._file = gzip.open(path) if self._packed else path.open("rb", buffering=0)  # noqa: SIM115 (closed below)
        self._read, self._lines, self._line = 0, 0, 0

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:
        # A file that grows faster than it is read has no end.
        most = len(buffer) if self._packed else min(len(buffer), self._size - self._read)
        chunk = self._file.read1(most) if self._packed else self._file.read(most)
        buffer[: len(chunk)] = chunk
        self._read += len(chunk)
        self._check(chunk)
        return len(chunk)

    def _check(self, chunk: bytes) -> None:
        memory.watch(self._path)
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        self._line = self._line + len(chunk) if end < 0 else len(chunk) - end - 1
        self._lines += chunk.count(b"\n") or chunk.count(b"\r")
        where = f"{self._path}:{self._lines + 1}"
        if self._line > LONGEST:
            raise EndlessError(where, f"lines of at most {LONGEST / 1e6:.0f} MB", "a longer one")
        if self._packed:
            memory.require(self._path, self._read)
            if self._read > max(SOUND, INFLATION * self._size):
                expected = f"a gzip file that inflates to at most {INFLATION} times its size"
                raise EndlessError(where, expected, f"{self._read / 1e6:.0f} MB out of {self._size:,} bytes")


def open_text(path: Path, errors: str = "strict") -> TextIO:
    """Open a UTF-8 text file, plain or gzip, for reading; any line ends; `errors` as in `open`.

    Raises:
        OSError: when it cannot be opened, or is a pipe or the like.
        LimitError: when it is larger than the memory that reading may take.
    """
    return io.TextIOWrapper(io.BufferedReader(_Bounded(path), CHUNK), "utf-8-sig", errors)


class Lines:
    """The lines of a text file (plain or gzip), counted from 1. Use it as a context manager.

    Args:
        path: the file.
        recover: read on where bytes are no UTF-8 (each becomes U+FFFD), and let a file that is cut in the
            middle of its compression end there instead of raising.

    Attributes:
        name: the path as text, the same object for all frames of the file.
        number: how many lines have been read so far, which is the number of the last one.
        recover: as given.
        damage: what ended the file too early; None without `recover`.
    """

    def __init__(self, path: Path, recover: bool = False) -> None:
        self.path, self.number = path, 0
        self.name = str(path)
        self.damage: FormatError | None = None
        self.recover = recover
        self._file = open_text(path, "replace" if recover else "strict")
        self._returned: deque[str] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def where(self, number: int | None = None) -> str:
        """`file:line` of the last line read or of line `number`."""
        return f"{self.path}:{self.number if number is None else number}"

    def take(self, count: int) -> list[str]:
        """The next `count` lines, fewer at the end of the file.

        Raises:
            FormatError: when the file is cut in the middle of its compression or is no UTF-8 text.
        """
        lines = [self._returned.popleft() for _ in range(min(count, len(self._returned)))]
        if len(lines) < count and self.damage is None:
            self._read(lines, count - len(lines))
        self.number += len(lines)
        return lines

    def _read(self, lines: list[str], count: int) -> None:
        """Append `count` lines of the file to `lines`."""
        try:
            for line in islice(self._file, count):
                lines.append(line)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            where = self.where(self.number + len(lines) + 1)
            damage = FormatError(where, "a complete gzip file", str(error))
            if not self.recover:
                raise damage from error
            self.damage = damage
        except EndlessError as error:
            if not self.recover:
                raise
            self.damage = error
        except UnicodeDecodeError as error:
            where = self.where(self._first_other_than_text())
            hint = "; of Latin-1, iconv -f latin1 -t utf8 makes it"
            raise FormatError(where, "UTF-8 text", f"{error.reason}{hint}") from error

    def _first_other_than_text(self) -> int:
        """The number of the first line that is no UTF-8; the file is decoded in pieces of many lines."""
        with open_text(self.path, "surrogateescape") as file:
            return next(i for i, line in enumerate(file, 1) if not line.isascii() and _is_broken(line))

    def give_back(self, lines: Sequence[str]) -> None:
        """Undo the reading of `lines`, the last ones read."""
        self._returned.extendleft(reversed(lines))
        self.number -= len(lines)

    def next(self) -> str | None:
        """The next line, None at the end of the file."""
        lines = self.take(1)
        return lines[0] if lines else None

    def next_filled(self) -> str | None:
        """The next line that is not blank, None at the end of the file."""
        first = self.number
        while (line := self.next()) is not None:
            if line.strip():
                return line
            if self.number - first > BLANK:
                raise FormatError(self.where(first + 1), "text", f"more than {BLANK:,} blank lines")
        return None


def _is_broken(line: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in line)


def number(token: str, where: str) -> float:
    """The number that `token` is, also with a Fortran exponent (`1.0D-3`).

    Raises:
        FormatError: when it is no number.
    """
    try:
        return float(token.replace("D", "E").replace("d", "e"))
    except ValueError as error:
        raise FormatError(where, "a number", shown(token)) from error


def table(cells: Iterable[list[str]], columns: slice, path: str | Path, first_line: int) -> np.ndarray:
    """[rows, columns] float: those columns of a block of split lines, the first of which is `first_line`.

    Raises:
        FormatError: when an entry is no number.
    """
    rows = [row[columns] for row in cells]
    try:
        values = [list(map(float, row)) for row in rows]
    except ValueError:
        values = [
            [number(token, f"{path}:{line}") for token in row] for line, row in enumerate(rows, first_line)
        ]
    # Reshaped only where it must be: a view would cost every frame of a large file a second array.
    return np.array(values, dtype=float) if rows else np.empty((0, columns.stop - columns.start))
