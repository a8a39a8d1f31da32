"""A molecule's canonical trajectory on the GFN2-xTB energy, like MD17's on those of DFT (kind `trajectory`).

`python -m tutti.data.trajectory --help` remakes a set that ships with the package.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import typer

from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.data import langevin
from tutti.data.shipped import EMBEDDED, ship

METHOD = "GFN2-xTB"


@dataclass(frozen=True, kw_only=True)
class Config(langevin.Sampling):
    """Which molecule, and how it is sampled; see `tutti.data.langevin.Sampling`.

    Attributes:
        smiles: the molecule, neutral and closed-shell.
    """

    KIND: ClassVar[str] = "trajectory"
    smiles: str
    temperature: float = 500.0
    frames: int = 2000


ETHANOL = Config(smiles="CCO", replicas=4)
"""The set that ships."""


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Write the trajectory to `path`, see `tutti.data.langevin.make`.

    Every replica starts from a conformer of its own (ETKDG, then MMFF94).

    Raises:
        ValueError: when there is no such molecule, or no geometry for it.
    """
    langevin.make(config, METHOD, lambda: starts(config), "data.trajectory", path, work, jobs)


def starts(config: Config) -> Structures:
    """One MMFF94 geometry per replica.

    Raises:
        ValueError: when it is no molecule, charged, or a radical, or when there is no geometry for it.
    """
    from rdkit import Chem
    from rdkit.Chem import Descriptors

    from tutti.chemistry.xtb import RejectionError, mmff94_geometry

    mol = Chem.MolFromSmiles(config.smiles)
    if mol is None:
        raise ValueError(f"smiles: '{config.smiles}' is no molecule that RDKit can read")
    if Chem.GetFormalCharge(mol) or Descriptors.NumRadicalElectrons(mol):
        raise ValueError(
            f"smiles: '{config.smiles}' is charged or a radical; only neutral closed shells work"
        )
    frames = []
    for replica in range(config.replicas):
        seed = int(numpy_generator(config.seed, "trajectory conformer", replica).integers(2**31))
        try:
            frames.append(mmff94_geometry(config.smiles, seed))
        except RejectionError as rejection:
            raise ValueError(f"smiles: no geometry of '{config.smiles}': {rejection} failed") from rejection
    return Structures.from_frames(frames)


def remake(work: Path, jobs: int = 1) -> None:
    """Make the set of ethanol in folder WORK and put it among those that ship."""
    made = work / "ethanol_gfn2.npz"
    make(ETHANOL, made, work, jobs)
    ship(made, EMBEDDED / made.name)


if __name__ == "__main__":
    typer.run(remake)
