"""SHA256SUMS: the hashes of the files in a folder, as `sha256sum --check` reads them."""

from collections.abc import Iterable
from pathlib import Path

from tutti.core.files import sha256, write_text
from tutti.core.seals import AGAIN, DamagedFile

NAME = "SHA256SUMS"


def write(folder: str | Path, names: Iterable[str]) -> None:
    """Write the sorted list of these files, named relative to the folder, into it, atomically."""
    folder = Path(folder)
    lines = [_line(folder / name, name) for name in sorted(set(names))]
    write_text(folder / NAME, "".join(f"{line}\n" for line in lines))


def check(path: str | Path, folder: str | Path) -> None:
    """Compare a file with the list in a folder that it lies in; a folder without a list is not ours to judge.

    Raises:
        FileNotFoundError: when there is no such file.
        DamagedFile: when the list has another hash of it, or none.
    """
    path, listed = Path(path), Path(folder) / NAME
    if not listed.is_file():
        return
    lines = listed.read_text(encoding="utf-8", errors="replace").splitlines()
    if _line(path, path.relative_to(folder).as_posix()) not in lines:
        raise DamagedFile(path, f"damaged or edited: its SHA-256 is not in {listed}", AGAIN)


def _line(path: Path, name: str) -> str:
    """What sha256sum writes: a name with a backslash or a line break is escaped, and so marked."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == name else chr(92)}{sha256(path)}  {escaped}"
