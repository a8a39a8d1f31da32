"""Finished parts of long computations on disk, found again by what they were computed from."""

import hashlib
import importlib.metadata
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from tutti import frames


class Parts:
    """Data frames in a folder, each under the hash of its key.

    A part is written whole or not at all, so a killed computation goes on from its last finished part; one
    whose key differs in anything is computed anew.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: Any, compute: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """The part with this key, computed if it is not there, or was made with other versions of packages.

        Args:
            key: everything else that the part depends on, as JSON types.
            compute: makes the part.
        """
        digest = hashlib.sha256(json.dumps([key, _versions()], sort_keys=True).encode()).hexdigest()
        path = self.folder / f"{digest}.parquet"
        with suppress(FileNotFoundError, pa.ArrowInvalid):  # not there, or damaged: a full disk, say
            return pd.read_parquet(path)
        frames.write(compute(), path)
        return pd.read_parquet(path)


@cache
def _versions() -> list[str]:
    """Names and versions of all installed packages."""
    found = {(d.metadata["Name"], d.version) for d in importlib.metadata.distributions()}
    return [f"{name} {version}" for name, version in sorted(found)]
