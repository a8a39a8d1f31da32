"""Molecular dynamics of small molecules with coupled-cluster energies and forces (kind `md17_ccsdt`).

CCSD for aspirin, CCSD(T) for the others: Chmiela et al., Nature Communications 9, 3887 (2018),
doi:10.1038/s41467-018-06169-2. The authors' division in frames to train on and to test on is the column
`split`: name it as the `column` of the split.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from tutti.core.structures import Structures
from tutti.data.download import Source, members
from tutti.data.md17 import NAMES, mirrors
from tutti.data.public import OfMolecule, check, of_npz, unpack, with_source

PARTS = ("train", "test")
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
    """Which molecule; no hash is published of any archive."""

    MOLECULES: ClassVar = MOLECULES
    LACKING: ClassVar = "has no coupled-cluster set"


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Download the archive into `work` and write its two parts to `path` (.npz of `Structures`).

    Column: `split`, "train" or "test". `jobs` is not needed.

    Raises:
        tutti.data.download.DownloadError: when the archive cannot be had.
        tutti.data.download.ArchiveError, ValueError: when it is not what it should be.
    """
    name, formula, frames = MOLECULES[config.molecule]
    archive = config.fetch(Source(f"{name}.zip", mirrors(f"{name}.zip"), None), work)
    wanted = [f"{name}-{part}.npz" for part in PARTS]
    contents = {entry.rpartition("/")[2]: text for entry, text in members(archive)}
    files = unpack(archive, contents, wanted, work / name)
    parts = [of_npz(file, NAMES) for file in files]
    for part, file, count in zip(parts, files, frames, strict=True):
        check(part, file, formula, count if config.expected_frames == "published" else None)
    whole = Structures.concatenate(parts)
    check(whole, archive, formula, config.frames(sum(frames)))
    marks = np.repeat(PARTS, [len(part) for part in parts])
    with_source(whole.with_columns(split=marks), "MD17 CCSD(T)", archive).save(path)
