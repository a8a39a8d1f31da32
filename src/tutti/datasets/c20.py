"""The smallest fullerene, C20, at constant temperature on the GFN2-xTB energy (kind `c20`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tutti.datasets import langevin
from tutti.dynamics.fullerene import cage
from tutti.randomness import numpy_generator
from tutti.structures import Structures

METHOD = "GFN2-xTB"
DISPLACEMENT = 0.02
"""Å, of the first coordinates: the perfect cage is a saddle point."""


@dataclass(frozen=True, kw_only=True)
class Config(langevin.Sampling):
    """How C20 is sampled; see `tutti.datasets.langevin.Sampling`."""

    KIND: ClassVar[str] = "c20"
    temperature: float = 500.0
    frames: int = 1000
    replicas: int = 2


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Write the trajectory to `path`, see `tutti.datasets.langevin.make`."""
    langevin.make(config, METHOD, lambda: starts(config), ("c20.py",), path, work, jobs)


def starts(config: Config) -> Structures:
    """For each replica the cage, every coordinate moved at random by `DISPLACEMENT`."""
    atoms = cage()
    frames = []
    for replica in range(config.replicas):
        generator = numpy_generator(config.seed, "c20 start", replica)
        moved = atoms.positions + generator.normal(scale=DISPLACEMENT, size=atoms.positions.shape)
        frames.append((atoms.numbers, moved))
    return Structures.from_frames(frames)
