"""What lies in a folder and below it, in an order that people expect."""

import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

NAMED = 5
"""So many files that are not read are named."""


def below(folder: Path) -> list[Path]:
    """All files in a folder and its subfolders, in natural order of their paths: s2 before s10.

    Hidden files and folders are left out. Links are followed, but each folder is entered once, so that links
    in a circle end. What is no ordinary file (a link to nothing, a pipe) is among the files.

    Raises:
        OSError: when a folder cannot be listed.
    """
    found, entered = [], {_identity(folder)}
    for place, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
        root, new = Path(place), []
        for name in sorted(folders, key=natural):
            identity = _identity(root / name)
            if name[0] != "." and identity not in entered:
                entered.add(identity)
                new.append(name)
        folders[:] = new
        found += [root / name for name in files if name[0] != "."]
    return sorted(found, key=lambda path: [natural(part) for part in path.relative_to(folder).parts])


def natural(name: str) -> tuple[list[int | str], str]:
    """A key that sorts names by the numbers in them."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def warn_of(left: Sequence[Path], folder: Path) -> None:
    """Name the files of a folder that are not read, if there are any."""
    if left:
        names = ", ".join(name_of(path, folder) for path in left[:NAMED])
        more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
        verb = "file of another kind is" if len(left) == 1 else "files of other kinds are"
        warnings.warn(f"{folder}: {len(left)} {verb} not read: {names}{more}", stacklevel=4)


def name_of(path: Path, folder: Path | None = None) -> str:
    """The file's name, or its path below the folder with `/`; in valid Unicode whatever its bytes."""
    name = path.absolute().name if folder is None else path.relative_to(folder).as_posix()
    return os.fsencode(name).decode(errors="replace")


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _raise(error: OSError) -> None:
    raise error
