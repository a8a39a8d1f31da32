"""Data frames on disk, as Parquet with a checksum (see `tutti.core.seals`).

In memory columns of lists are Arrow's: numbers without gaps, not a Python object for each row.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow.parquet import ParquetFile, ParquetWriter

from tutti.core.files import atomic_path
from tutti.core.seals import BLANK, seal, verify

ROWS = 2**18
"""Rows of a row group: so many are held in memory at least."""
# What pandas says of such columns it cannot read back.
_OF_LISTS = re.compile(rb'"list<[^"]*\[pyarrow\]"')


def lists(of: pa.DataType) -> pd.ArrowDtype:
    """The type of a column of lists."""
    return pd.ArrowDtype(pa.list_(of))


def write(frame: pd.DataFrame, path: str | Path) -> None:
    """Write one file, atomically. Same frame, same bytes."""
    write_parts([frame], path)


def write_parts(frames: Iterable[pd.DataFrame], path: str | Path) -> None:
    """Write the rows of one frame or more with the same columns, atomically.

    The bytes depend on the rows, not on how they are divided among the frames.
    """
    tables = map(table_of, frames)
    first = next(tables)
    with atomic_path(path) as temporary:
        with ParquetWriter(temporary, first.schema) as writer:
            waiting = first
            for table in tables:
                waiting = pa.concat_tables([waiting, table.cast(first.schema)])
                while len(waiting) > ROWS:
                    writer.write_table(waiting[:ROWS].combine_chunks(), ROWS)
                    waiting = waiting[ROWS:]
            writer.write_table(waiting.combine_chunks(), ROWS)
            # Not in the schema's metadata, which stand in the file twice.
            writer.add_key_value_metadata({"seal": BLANK})
        seal(temporary)


def table_of(frame: pd.DataFrame) -> pa.Table:
    """A frame as Arrow's table, from which anybody's pandas makes one again."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [
        field.with_type(pa.list_(field.type.value_type)) if pa.types.is_list(field.type) else field
        for field in table.schema
    ]
    metadata = {name: _OF_LISTS.sub(b'"object"', said) for name, said in table.schema.metadata.items()}
    return table.cast(pa.schema(fields, metadata))


def frame_of(table: pa.Table) -> pd.DataFrame:
    """The frame that a table was made of; its columns of text and of lists take no further memory."""
    types = {field.type: pd.ArrowDtype(field.type) for field in table.schema if pa.types.is_list(field.type)}
    return table.to_pandas(types_mapper=types.get, split_blocks=True)


def read_one(path: str | Path) -> pd.DataFrame:
    """What `write` wrote.

    Raises:
        FileNotFoundError: when there is no such file.
        DamagedFile: when its checksum is missing or another one.
    """
    verify(path)
    with ParquetFile(path) as file:
        return frame_of(file.read())


def read(paths: Iterable[str | Path]) -> pd.DataFrame:
    """All rows of several files with the same columns, one file after another; none of no files.

    Raises:
        FileNotFoundError, DamagedFile: see `read_one`.
    """
    frames = [read_one(path) for path in paths]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
