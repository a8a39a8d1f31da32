"""MD17: molecular dynamics of small molecules at 500 K with DFT (PBE+TS) energies and forces (kind `md17`).

Chmiela et al., Science Advances 3, e1603015 (2017), doi:10.1126/sciadv.1603015; benzene of 2018, azobenzene
and paracetamol: Chmiela et al., Nature Communications 9, 3887 (2018), doi:10.1038/s41467-018-06169-2. The
energies are noisy and neighbouring frames are nearly the same: train on no more than 1,000 frames.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import ase

from tutti.core.structures import Structures
from tutti.data.download import MAX_BYTES, Source
from tutti.data.public import OfMolecule, check, check_magnitudes, of_npz, with_source

# File, formula, number of frames.
MOLECULES = {
    "aspirin": ("md17_aspirin.npz", "C9H8O4", 211_762),
    "azobenzene": ("azobenzene_dft.npz", "C12H10N2", 99_999),
    "benzene_2017": ("md17_benzene2017.npz", "C6H6", 627_983),
    "benzene_2018": ("benzene2018_dft.npz", "C6H6", 49_863),
    "ethanol": ("md17_ethanol.npz", "C2H6O", 555_092),
    "malonaldehyde": ("md17_malonaldehyde.npz", "C3H4O2", 993_237),
    "naphthalene": ("md17_naphthalene.npz", "C10H8", 326_250),
    "paracetamol": ("paracetamol_dft.npz", "C8H9NO2", 106_490),
    "salicylic_acid": ("md17_salicylic.npz", "C7H6O3", 320_231),
    "toluene": ("md17_toluene.npz", "C7H8", 442_790),
    "uracil": ("md17_uracil.npz", "C4H4N2O2", 133_770),
}
NAMES = {"positions": "R", "energy": "E", "forces": "F", "numbers": "z"}
"""Arrays of the files, by what they are."""


@dataclass(frozen=True, kw_only=True)
class Config(OfMolecule):
    """Which trajectory; benzene is there twice."""

    MOLECULES: ClassVar = MOLECULES
    LACKING: ClassVar = "not in MD17"


# The authors publish no hash. A public copy of their files, huggingface.co/datasets/chao1224/Geom3D_data,
# shows the SHA-256 of some: those below. Aspirin's is also in two repositories that took the file from the
# authors: as the Git LFS pointer data/md17_aspirin.npz of neutronengas/dimenet_almost_completely_copied on
# GitHub, and in the script md17_to_xyz.py of the program ConfAna.
COPIES = (
    "https://huggingface.co/datasets/chao1224/Geom3D_data/resolve/a169e9d90a9000a37e53b2325a65807ff3641f5a"
)
COPIED = {
    "aspirin": ("aspirin", "af4ce531bf8cf07610c0bd876cb5b321f3c301d2365720967d98d45e1db1f748"),
    "benzene_2017": ("benzene2017", None),
    "benzene_2018": ("benzene2018", "a564977a692ec943ad001020c384012297a62e6ac17d24418c3ed4c78dfeb855"),
    "ethanol": ("ethanol", None),
    "malonaldehyde": ("malonaldehyde", "42563daf9cdb84079bb9c44657a17316a87382ca848ab63a62bfd704cf14f48d"),
    "naphthalene": ("naphthalene", None),
    "salicylic_acid": ("salicylic", "1f991c1d2d7cf4b8f52eea062ecf68ce51521f2af77d6ff60530555c94a30e94"),
    "toluene": ("toluene", "4befe3562724e234f3cc70984168d400b229d12d393d4b0c0423ccdffd8d3ec5"),
}
"""Name there and SHA-256, by molecule."""


def source(config: Config) -> Source:
    """The molecule's file; without a known hash, its content decides."""
    molecule, (file, formula, frames) = config.molecule, MOLECULES[config.molecule]
    copy, digest = COPIED.get(molecule, (None, None))
    copies = (f"{COPIES}/MD17/{copy}/raw/{copy}_dft.npz",) if copy else ()
    return Source(
        file,
        (*mirrors(file), *copies),
        f"sha256:{digest}" if digest else None,
        check=partial(read, formula=formula, frames=config.frames(frames)),
        max_bytes=most_bytes(formula, config.frames(frames)),
    )


def most_bytes(formula: str, frames: int | None) -> int:
    """Twice what the arrays have before they are compressed; what any file may if any number is right."""
    if frames is None:
        return MAX_BYTES
    return 2 * 8 * frames * (6 * len(ase.Atoms(formula)) + 1) + (1 << 20)


def mirrors(file: str) -> tuple[str, ...]:
    """Addresses of a file of the authors."""
    return (
        f"http://www.quantum-machine.org/gdml/data/npz/{file}",
        f"https://sgdml.org/secure_proxy.php?file=data/npz/{file}",
        f"http://www.sgdml.org/secure_proxy.php?file=data/npz/{file}",
    )


def read(file: Path, formula: str, frames: int | None) -> Structures:
    """A file's structures, once they have stood all checks.

    Raises:
        ValueError: when it is not what it should be.
    """
    structures = of_npz(file, NAMES)
    check(structures, file, formula, frames)
    check_magnitudes(structures, file)
    return structures


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Download the trajectory into `work` and write it to `path` (.npz of `Structures`). `jobs` is not
    needed.

    Raises:
        tutti.data.download.DownloadError: when the file cannot be had.
        ValueError: when it is not what it should be.
    """
    _, formula, frames = MOLECULES[config.molecule]
    file = config.fetch(source(config), work)
    with_source(read(file, formula, config.frames(frames)), "MD17", file).save(path)
