"""MD17: molecular dynamics of small molecules at 500 K with DFT (PBE+TS) energies and forces (kind `md17`).

Chmiela et al., Science Advances 3, e1603015 (2017), doi:10.1126/sciadv.1603015; benzene of 2018, azobenzene
and paracetamol: Chmiela et al., Nature Communications 9, 3887 (2018), doi:10.1038/s41467-018-06169-2. The
energies are noisy and neighbouring frames are nearly the same: train on no more than 1,000 frames.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tutti.data.download import Source
from tutti.data.public import OfMolecule, check, of_npz, with_source

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
    """Which trajectory; no hash is published of any, and benzene is there twice."""

    MOLECULES: ClassVar = MOLECULES
    LACKING: ClassVar = "not in MD17"


def mirrors(file: str) -> tuple[str, ...]:
    """Addresses of a file of the authors."""
    return (
        f"http://www.quantum-machine.org/gdml/data/npz/{file}",
        f"https://sgdml.org/secure_proxy.php?file=data/npz/{file}",
        f"http://www.sgdml.org/secure_proxy.php?file=data/npz/{file}",
    )


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Download the trajectory into `work` and write it to `path` (.npz of `Structures`). `jobs` is not
    needed.

    Raises:
        tutti.data.download.DownloadError: when the file cannot be had.
        ValueError: when it is not what it should be.
    """
    name, formula, frames = MOLECULES[config.molecule]
    file = config.fetch(Source(name, mirrors(name), None), work)
    structures = of_npz(file, NAMES)
    check(structures, file, formula, config.frames(frames))
    with_source(structures, "MD17", file).save(path)
