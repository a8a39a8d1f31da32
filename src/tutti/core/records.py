"""Records: JSON objects in files, with a checksum."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tutti.core import json_text
from tutti.core.files import atomic_path, sha256
from tutti.core.seals import AGAIN, BLANK, MARK, DamagedFile, seal, verify

SEAL = "seal"
"""The first key of every record: its checksum, see `tutti.core.seals`."""


def write(path: str | Path, record: Mapping[str, Any], *, flat: bool = False) -> None:
    """Write a record atomically, with its checksum. Same record, same bytes.

    Args:
        path: of the file.
        record: of JSON types.
        flat: each value on one line, however long it is.
    """
    sealed = {SEAL: BLANK, **record}
    if flat:
        entries = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in sealed.items())
        text = f"{{\n{entries}\n}}\n"
    else:
        text = json.dumps(sealed, indent=2) + "\n"
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        seal(temporary)


def read(path: str | Path, advice: str = AGAIN, *, by_hand: bool = False) -> dict[str, Any]:
    """The record in a file, without its checksum.

    Args:
        path: of the file.
        advice: what to do when it is damaged.
        by_hand: whether people may write or edit such a file: without a checksum it is taken as it is.

    Raises:
        FileNotFoundError: when there is no such file.
        DamagedFile: when it is no JSON object, or its checksum is missing or another one.
    """
    edited = f'; if you edited it, delete its line "{SEAL}"' if by_hand else ""
    verify(path, f"{advice}{edited}", required=not by_hand)
    try:
        record = json_text.read(path)
    except ValueError as error:
        raise DamagedFile(path, f"no JSON ({error})", advice) from error
    if not isinstance(record, dict):
        raise DamagedFile(path, "no JSON object", advice)
    if not str(record.pop(SEAL, MARK)).startswith(MARK):
        raise DamagedFile(path, "damaged: its checksum is none", advice)
    return record


def check(path: str | Path, record: str | Path, key: str) -> None:
    """Compare a file that has no place for a checksum with the SHA-256 in a record.

    Args:
        path: of the file.
        record: file of the record.
        key: of the SHA-256 in it.

    Raises:
        FileNotFoundError: when one of the two is not there.
        DamagedFile: when one of the two is damaged.
    """
    if sha256(path) != read(record).get(key):
        raise DamagedFile(path, f"damaged or edited: its SHA-256 is not the {key} in {record}")
