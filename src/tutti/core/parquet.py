"""Data frames on disk, as Parquet."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from tutti.core.files import atomic_path


def write(frame: pd.DataFrame, path: str | Path) -> None:
    """Write one Parquet file, atomically."""
    with atomic_path(path) as temporary:
        frame.to_parquet(temporary, index=False)


def read(paths: Iterable[str | Path]) -> pd.DataFrame:
    """All rows of several Parquet files with the same columns, one file after another; none of no files."""
    frames = [pd.read_parquet(path) for path in paths]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
