"""Data frames on disk, as Parquet with a checksum (see `tutti.core.seals`)."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from tutti.core.files import atomic_path
from tutti.core.seals import BLANK, seal, verify


def write(frame: pd.DataFrame, path: str | Path) -> None:
    """Write one file, atomically. Same frame, same bytes."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with atomic_path(path) as temporary:
        with ParquetWriter(temporary, table.schema) as writer:
            writer.write_table(table)
            # Not in the schema's metadata, which stand in the file twice.
            writer.add_key_value_metadata({"seal": BLANK})
        seal(temporary)


def read_one(path: str | Path) -> pd.DataFrame:
    """What `write` wrote.

    Raises:
        FileNotFoundError: when there is no such file.
        DamagedFile: when its checksum is missing or another one.
    """
    verify(path)
    return pd.read_parquet(path)


def read(paths: Iterable[str | Path]) -> pd.DataFrame:
    """All rows of several files with the same columns, one file after another; none of no files.

    Raises:
        FileNotFoundError, DamagedFile: see `read_one`.
    """
    frames = [read_one(path) for path in paths]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
