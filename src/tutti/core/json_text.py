"""JSON of files that anybody may have written."""

import json
from pathlib import Path
from typing import Any

from tutti.core.files import regular

MOST = 10**8
"""Bytes of the largest JSON file that is read."""


def loads(text: str | bytes) -> Any:
    """What a JSON text says.

    Raises:
        ValueError: when it is no JSON, or nests too deeply to be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON text that nests too deeply") from None


def read(path: str | Path) -> Any:
    """What a JSON file says.

    Raises:
        OSError: when it cannot be read, or is no file but a pipe or the like.
        ValueError: when it is no JSON, nests too deeply or is larger than `MOST`.
    """
    if (size := regular(path).st_size) > MOST:
        raise ValueError(
            f"{path}: JSON of {size / 1e6:.0f} MB, more than the {MOST / 1e6:.0f} MB that are read"
        )
    return loads(Path(path).read_bytes().decode("utf-8"))
