"""rMD17: frames of MD17 with energies and forces computed anew, PBE/def2-SVP without noise (kind `rmd17`).

Christensen and von Lilienfeld, Mach. Learn.: Sci. Technol. 1, 045018 (2020), doi:10.1088/2632-2153/abba6f;
figshare 12672038. The frames are of one trajectory: train on no more than 1,000 of them. Of the five
published splits, each of 1,000 frames to train on and 1,000 to test on, the columns `split_1` ... `split_5`
tell: name one as the `column` of the split. The author also gives the frames of the splits alone, a file each
(github.com/andersx/rmd17-npz): `folder` names where they lie.
"""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from tutti.core.files import sha256
from tutti.core.npz import open_npz
from tutti.core.structures import Structures
from tutti.data.archives import members
from tutti.data.download import Source
from tutti.data.public import OfMolecule, check, of_npz, unpack, with_source
from tutti.io.text import FormatError, shown

# The figshare file's MD5 is cb1a927628d96f2e966025da4fb63d18.
ARCHIVE = Source(
    "rmd17.tar.bz2",
    (
        "https://ndownloader.figshare.com/files/23950376",
        "https://figshare.com/ndownloader/files/23950376",
        "https://archive.materialscloud.org/records/pfffs-fff86/files/rmd17.tar.bz2?download=1",
        "https://s3-eu-west-1.amazonaws.com/pfigshare-u-files/23950376/rmd17.tar.bz2",
    ),
    "sha256:cddeea2ec2c4b22a9de16a9a65a3eeedac5b29da9c99c20bbff0153912bf922b",
    max_bytes=4 << 30,
)
# Part of the file's name, formula, number of frames.
MOLECULES = {
    "aspirin": ("aspirin", "C9H8O4", 100_000),
    "azobenzene": ("azobenzene", "C12H10N2", 99_988),
    "benzene": ("benzene", "C6H6", 100_000),
    "ethanol": ("ethanol", "C2H6O", 100_000),
    "malonaldehyde": ("malonaldehyde", "C3H4O2", 100_000),
    "naphthalene": ("naphthalene", "C10H8", 100_000),
    "paracetamol": ("paracetamol", "C8H9NO2", 100_000),
    "salicylic_acid": ("salicylic", "C7H6O3", 100_000),
    "toluene": ("toluene", "C7H8", 100_000),
    "uracil": ("uracil", "C4H4N2O2", 100_000),
}
NAMES = {"positions": "coords", "energy": "energies", "forces": "forces", "numbers": "nuclear_charges"}
SPLITS = range(1, 6)
PARTS = ("train", "test")


@dataclass(frozen=True, kw_only=True)
class Config(OfMolecule):
    """Which trajectory.

    Attributes:
        folder: with `rmd17_ethanol_train_01.npz`, `rmd17_ethanol_test_01.npz` and so on of one or more of the
            splits; then nothing is downloaded, and the set holds their frames only.
    """

    MOLECULES: ClassVar = MOLECULES
    LACKING: ClassVar = "not in rMD17"
    folder: Path | None = None

    def frames(self, published: int | None) -> int | None:
        """See `Public`; of the frames of splits no number is published."""
        return super().frames(None if self.folder else published)


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Download the archive into `work` and write one trajectory to `path` (.npz of `Structures`).

    Columns: `split_1` ... `split_5`, "train", "test" or empty. The archive is read from front to end, so that
    `jobs` has no effect.

    Raises:
        tutti.data.download.DownloadError: when the archive cannot be had.
        FileNotFoundError: when the folder has no split of the molecule.
        tutti.data.archives.ArchiveError, tutti.io.FormatError, ValueError: when something in it is
            not what it should be.
    """
    part, formula, frames = MOLECULES[config.molecule]
    if config.folder is not None:
        structures = _of_splits(config.folder, part)
        check(structures, config.folder, formula, config.frames(None))
        return structures.save(path)
    archive = config.fetch(ARCHIVE, work)
    wanted = [f"rmd17_{part}.npz", *(_index_file(kind, i) for i in SPLITS for kind in PARTS)]
    entries = ((name.rpartition("/")[2], text) for name, text in members(archive))
    contents = {name: text for name, text in entries if name in wanted}
    file, *indices = unpack(archive, contents, wanted, work / "rmd17")
    structures = of_npz(file, NAMES)
    check(structures, file, formula, config.frames(frames))
    structures = structures.with_columns(**_splits(indices, len(structures)))
    with_source(structures, f"rMD17, {file.name}", archive).save(path)


def _of_splits(folder: Path, part: str) -> Structures:
    """The frames of all splits in a folder, each once, in the order of MD17."""
    files = {(i, kind): folder / f"rmd17_{part}_{kind}_{i:02d}.npz" for i in SPLITS for kind in PARTS}
    present = [i for i in SPLITS if any(files[i, kind].is_file() for kind in PARTS)]
    if not present:
        raise FileNotFoundError(f"{files[1, 'train']}: not found, nor the file of another split")
    used = {key: file for key, file in files.items() if key[0] in present}
    joined = Structures.concatenate([of_npz(file, NAMES) for file in used.values()])
    origins = [_old_indices(file) for file in used.values()]
    indices, first, owner = np.unique(np.concatenate(origins), return_index=True, return_inverse=True)
    columns = {f"split_{i}": np.full(len(indices), "", dtype="U5") for i in present}
    for (i, kind), rows in zip(used, np.split(owner, np.cumsum([len(o) for o in origins])[:-1]), strict=True):
        if columns[f"split_{i}"][rows].any():
            raise ValueError(f"{files[i, kind]}: a frame stands in train and test")
        columns[f"split_{i}"][rows] = kind
    source = ", ".join(f"{file.name} sha256:{sha256(file)}" for file in used.values())
    return replace(joined[first].with_columns(**columns), source=f"rMD17, {source}")


def _old_indices(path: Path) -> np.ndarray:
    """[N] place of each frame in MD17."""
    with open_npz(path) as archive:
        if "old_indices" not in archive:
            raise ValueError(f"{path}: no array old_indices")
        return archive["old_indices"]


def _index_file(kind: str, i: int) -> str:
    return f"index_{kind}_{i:02d}.csv"


def _splits(paths: list[Path], frames: int) -> dict[str, np.ndarray]:
    """The columns, from the index files of train and test of each split."""
    columns = {}
    for i, train, test in zip(SPLITS, paths[::2], paths[1::2], strict=True):
        rows = [_indices(path, frames) for path in (train, test)]
        if len(np.unique(np.concatenate(rows))) < sum(map(len, rows)):
            raise ValueError(f"{train}, {test}: a frame stands twice")
        marks = np.full(frames, "", dtype="U5")
        for kind, chosen in zip(PARTS, rows, strict=True):
            marks[chosen] = kind
        columns[f"split_{i}"] = marks
    return columns


def _indices(path: Path, frames: int) -> np.ndarray:
    """Rows of a file of one index per line, which serves all molecules, of which one has fewer frames.

    Raises:
        FormatError: when a line is no index.
    """
    lines = path.read_text(encoding="utf-8").split()
    for line_number, line in enumerate(lines, 1):
        if not line.isdigit():
            raise FormatError(f"{path}:{line_number}", "the index of a frame", shown(line))
    rows = np.array(lines, dtype=np.int64)
    beyond = int((rows >= frames).sum())
    if beyond:
        warnings.warn(f"{path}: {beyond} of {len(rows)} indices exceed the {frames} frames", stacklevel=2)
    return rows[rows < frames]
