"""The smallest fullerene, C20, at constant temperature on the GFN2-xTB energy (kind `c20`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import ase
import numpy as np

from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.data import langevin

METHOD = "GFN2-xTB"
DISPLACEMENT = 0.02
"""Å, of the first coordinates: the perfect cage is a saddle point."""


BOND_LENGTH = 1.45
"""Å, of the cage before its relaxation."""


@dataclass(frozen=True, kw_only=True)
class Config(langevin.Sampling):
    """How C20 is sampled; see `tutti.data.langevin.Sampling`."""

    KIND: ClassVar[str] = "c20"
    temperature: float = 500.0
    frames: int = 1000
    replicas: int = 2


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Write the trajectory to `path`, see `tutti.data.langevin.make`."""
    langevin.make(config, METHOD, lambda: starts(config), "data.c20", path, work, jobs)


def starts(config: Config) -> Structures:
    """For each replica the cage, every coordinate moved at random by `DISPLACEMENT`."""
    atoms = cage()
    frames = []
    for replica in range(config.replicas):
        generator = numpy_generator(config.seed, "c20 start", replica)
        moved = atoms.positions + generator.normal(scale=DISPLACEMENT, size=atoms.positions.shape)
        frames.append((atoms.numbers, moved))
    return Structures.from_frames(frames)


def cage() -> ase.Atoms:
    """C20 as a regular dodecahedron with edges of `BOND_LENGTH`, around the origin.

    Its corners are (±1, ±1, ±1) and the cyclic permutations of (0, ±1/φ, ±φ), φ the golden ratio; its edges
    are then 2/φ long (Coxeter, "Regular Polytopes", section 3.8).
    """
    golden = (1 + np.sqrt(5)) / 2
    signs = np.array([(a, b) for a in (1, -1) for b in (1, -1)])
    cube = np.array([(*pair, c) for pair in signs for c in (1, -1)], dtype=float)
    plane = np.column_stack([np.zeros(4), signs / [golden, 1 / golden]])
    corners = np.concatenate([cube, *(np.roll(plane, k, axis=1) for k in range(3))])
    return ase.Atoms("C20", corners * BOND_LENGTH * golden / 2)
