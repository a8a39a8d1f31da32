"""Liquid water, 16 molecules in a periodic cube, on the GFN1-xTB energy (kind `water16`).

The cube's edge is 14.798444 bohr, which gives 0.997 g/cm³. `python -m tutti.data.water16 --help` remakes
the set that ships with the package.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import typer
from ase.build import molecule
from ase.units import Bohr
from scipy.spatial.transform import Rotation

from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.data import langevin
from tutti.data.shipped import EMBEDDED, ship

METHOD = "GFN1-xTB"
EDGE = 14.798444 * Bohr
"""Å."""


@dataclass(frozen=True, kw_only=True)
class Config(langevin.Sampling):
    """How water is sampled; see `tutti.data.langevin.Sampling`."""

    KIND: ClassVar[str] = "water16"
    temperature: float = 300.0
    timestep: float = 1.0
    hydrogen_mass: float = 4.0
    frames: int = 531
    interval: float = 12.0
    equilibration: float = 900.0
    replicas: int = 3


DEMO = Config(frames=150, equilibration=600.0)
"""The set that ships: 3,600 steps, of 0.3 s each on one core."""


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Write the trajectory to `path`, see `tutti.data.langevin.make`. Molecules are not wrapped."""
    langevin.make(config, METHOD, lambda: starts(config), "data.water16", path, work, jobs)


def starts(config: Config) -> Structures:
    """For each replica, randomly oriented molecules with their centres on a body-centred cubic lattice."""
    corners = np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), axis=-1).reshape(8, 3)
    centres = np.concatenate([corners, corners + 0.5]) * EDGE / 2
    water = molecule("H2O")
    water.positions -= water.get_center_of_mass()
    frames = []
    for replica in range(config.replicas):
        generator = numpy_generator(config.seed, "water16 orientations", replica)
        turns = Rotation.random(len(centres), random_state=generator).as_matrix()  # [16, 3, 3]
        positions = np.einsum("mij,aj->mai", turns, water.positions) + centres[:, None]
        frames.append((np.tile(water.numbers, len(centres)), positions.reshape(-1, 3)))
    return Structures.from_frames(
        frames,
        cell=np.tile(EDGE * np.eye(3), (len(frames), 1, 1)),
        pbc=np.ones((len(frames), 3), bool),
    )


def remake(work: Path, jobs: int = 1) -> None:
    """Make the set in folder WORK and put it among those that ship."""
    made = work / "water16_gfn1.npz"
    make(DEMO, made, work, jobs)
    ship(made, EMBEDDED / made.name)


if __name__ == "__main__":
    typer.run(remake)
