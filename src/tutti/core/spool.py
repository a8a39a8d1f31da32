"""Arrays and frames that are longer than memory should hold, gathered part by part in a file without a name.

The file is mapped into memory: what is read of it the system may drop again, and child processes share it. It
is gone when nobody holds the array any more, and with the process.
"""

import mmap
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # what reading need not wait for is imported where it is used
    import pandas as pd


class Growing:
    """An array that is gathered part by part, along its first axis.

    Args:
        dtype: of its entries.
        shape: of a row.
        folder: on whose disk it is gathered; None: in memory.
    """

    def __init__(
        self, dtype: np.dtype | type, shape: tuple[int, ...] = (), folder: Path | None = None
    ) -> None:
        self.dtype, self.shape = np.dtype(dtype), shape
        self._file = None if folder is None else nameless(folder)
        self._parts: list[np.ndarray] = []

    def add(self, part: np.ndarray) -> None:
        """Append rows."""
        rows = np.asarray(part, self.dtype).reshape(-1, *self.shape)
        if self._file is None:
            self._parts.append(rows)
        else:
            self._file.write(np.ascontiguousarray(rows).data.cast("B") if rows.size else b"")

    def whole(self) -> np.ndarray:
        """All rows: to be read only, where they lie on disk. Nothing can be added then."""
        empty = np.empty((0, *self.shape), self.dtype)
        if self._file is None:
            return np.concatenate([empty, *self._parts])
        flat = np.frombuffer(mapped(self._file), self.dtype)
        return flat.reshape(-1, *self.shape) if flat.size else empty

    def close(self) -> None:
        """Let go of the file of an array that nobody wants."""
        if self._file is not None:
            self._file.close()


def whole(frames: "Iterable[pd.DataFrame]", folder: Path) -> "pd.DataFrame":
    """The rows of one frame or more with the same columns, on the folder's disk; to be read only."""
    import pyarrow as pa

    from tutti.core import parquet

    tables = map(parquet.table_of, frames)
    first = next(tables)
    file = nameless(folder)
    with pa.ipc.new_file(pa.PythonFile(file, "w"), first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table.cast(first.schema))
    with pa.ipc.open_file(pa.py_buffer(mapped(file))) as reader:
        return parquet.frame_of(reader.read_all())


def nameless(folder: Path) -> IO[bytes]:
    """A file on the folder's disk for what need not outlive this process; the folder is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder)


def mapped(file: IO[bytes]) -> mmap.mmap | bytes:
    """All of a file; it is closed."""
    with file:
        file.flush()
        # There is nothing to map of an empty file.
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file.tell() else b""
