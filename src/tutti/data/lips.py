"""LiPS: molecular dynamics of the superionic conductor Li6.75P3S11 with DFT (PBE) forces (kind `lips`).

Batzner et al., Nature Communications 13, 2453 (2022), doi:10.1038/s41467-022-29939-5; Materials Cloud
Archive, doi:10.24435/materialscloud:s0-5n. Periodic, 83 atoms, 25,001 frames.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tutti import io
from tutti.core.structures import Structures
from tutti.data.download import Source
from tutti.data.public import Public, check, check_magnitudes, check_periodic, with_source

FILE, FORMULA, FRAMES = "lips.xyz", "Li27P12S44", 25_001
MAX_BYTES = 4 << 30
"""LiPS has 0.2 GB, Li4P2O7 0.5 GB."""


@dataclass(frozen=True, kw_only=True)
class Config(Public):
    """No hash was found of the file."""


def mirrors(file: str) -> tuple[str, ...]:
    """Addresses of a file of the NequIP paper's data."""
    archive = "https://archive.materialscloud.org"
    return (
        f"{archive}/records/ycbvx-knj69/files/{file}?download=1",
        f"{archive}/record/file?record_id=1302&filename={file}",
    )


def fetch(config: Public, name: str, formula: str, frames: int | None, work: Path) -> tuple[Structures, Path]:
    """A periodic trajectory of that record, in eV and Å, and where the file is."""
    content = partial(read, formula=formula, frames=config.frames(frames))
    file = config.fetch(Source(name, mirrors(name), None, check=content, max_bytes=MAX_BYTES), work)
    return content(file), file


def read(file: Path, formula: str, frames: int | None) -> Structures:
    """A file's structures, once they have stood all checks.

    Raises:
        tutti.io.FormatError, ValueError: when it is not what it should be.
    """
    structures = replace(io.read(file), columns={}, units={})
    check(structures, file, formula, frames)
    check_periodic(structures, file)
    check_magnitudes(structures, file)
    return structures


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Download the trajectory into `work` and write it to `path` (.npz of `Structures`). `jobs` is not
    needed.

    Raises:
        tutti.data.download.DownloadError: when the file cannot be had.
        tutti.io.FormatError, ValueError: when it is not what it should be.
    """
    structures, file = fetch(config, FILE, FORMULA, FRAMES, work)
    with_source(structures, "LiPS", file).save(path)
