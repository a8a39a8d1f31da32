"""Molecular dynamics of small molecules with coupled-cluster energies and forces (kind `md17_ccsdt`).

CCSD for aspirin, CCSD(T) for the others: Chmiela et al., Nature Communications 9, 3887 (2018),
doi:10.1038/s41467-018-06169-2. The authors' division in frames to train on and to test on is the column
`split`: name it as the `column` of the split.
"""

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from tutti.core.structures import Structures
from tutti.data.archives import members
from tutti.data.download import Source
from tutti.data.md17 import NAMES, mirrors
from tutti.data.public import OfMolecule, check, check_magnitudes, of_npz, unpack, with_source

PARTS = ("train", "test")
MAX_BYTES = 64 << 20
"""Of an archive, and of what it unpacks to; 1,500 frames of aspirin are 1.5 MB."""
# Archive without .zip, formula, numbers of frames in the two parts.
MOLECULES = {
    "aspirin": ("aspirin_ccsd", "C9H8O4", (1000, 500)),
    "benzene": ("benzene_ccsd_t", "C6H6", (1000, 500)),
    "ethanol": ("ethanol_ccsd_t", "C2H6O", (1000, 1000)),
    "malonaldehyde": ("malonaldehyde_ccsd_t", "C3H4O2", (1000, 500)),
    "toluene": ("toluene_ccsd_t", "C7H8", (1000, 501)),
}


@dataclass(frozen=True, kw_only=True)
class Config(OfMolecule):
    """Which molecule; no hash is published of any archive, and none was found."""

    MOLECULES: ClassVar = MOLECULES
    LACKING: ClassVar = "has no coupled-cluster set"


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Download the archive into `work` and write its two parts to `path` (.npz of `Structures`).

    Column: `split`, "train" or "test". `jobs` is not needed.

    Raises:
        tutti.data.download.DownloadError: when the archive cannot be had.
        tutti.data.archives.ArchiveError, ValueError: when it is not what it should be.
    """
    file = f"{MOLECULES[config.molecule][0]}.zip"
    known = Source(file, mirrors(file), None, check=partial(read, config=config), max_bytes=MAX_BYTES)
    archive = config.fetch(known, work)
    with_source(read(archive, config), "MD17 CCSD(T)", archive).save(path)


def read(archive: Path, config: Config) -> Structures:
    """An archive's structures with the column `split`, once they have stood all checks.

    Raises:
        tutti.data.archives.ArchiveError, ValueError: when it is not what it should be.
    """
    name, formula, frames = MOLECULES[config.molecule]
    wanted = [f"{name}-{part}.npz" for part in PARTS]
    contents = {entry.rpartition("/")[2]: text for entry, text in members(archive, max_bytes=MAX_BYTES)}
    with tempfile.TemporaryDirectory() as folder:
        files = unpack(archive, contents, wanted, Path(folder))
        parts = [_part(file, f"{archive}:{file.name}") for file in files]
    for part, file, count in zip(parts, wanted, frames, strict=True):
        expected = count if config.expected_frames == "published" else None
        check(part, Path(f"{archive}:{file}"), formula, expected)
    whole = Structures.concatenate(parts)
    check(whole, archive, formula, config.frames(sum(frames)))
    check_magnitudes(whole, archive)
    return whole.with_columns(split=np.repeat(PARTS, [len(part) for part in parts]))


def _part(file: Path, shown: str) -> Structures:
    """What an unpacked member holds; messages name it as `shown`."""
    try:
        return of_npz(file, NAMES)
    except ValueError as error:
        raise ValueError(str(error).replace(str(file), shown)) from error
