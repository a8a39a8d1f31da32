"""What a simulation leaves: arrays of its frames in one file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import ase
import numpy as np
from ase.data import atomic_masses

from tutti.core import json_text, npz
from tutti.core.structures import Structures

PER_FRAME = ("steps", "positions", "velocities", "potential_energy", "kinetic_energy", "temperature")
ARRAYS = ("numbers", "masses", "cell", "pbc", *PER_FRAME)


@dataclass(frozen=True)
class Trajectory:
    """F frames of n atoms, or of n ring polymers of P beads.

    Attributes:
        numbers: [n] atomic numbers.
        masses: [n], amu.
        cell: [3, 3], Å, rows are the cell vectors.
        pbc: [3] bool.
        time_step: of the integrator, fs.
        steps: [F] int64, number of the time step after which each frame was taken.
        positions: [F, n, 3], or [F, P, n, 3] of beads, Å; never wrapped into the cell.
        velocities: of the same shape, Å/fs.
        potential_energy: [F], eV; of ring polymers the mean over beads.
        kinetic_energy: [F], eV; of ring polymers the centroid virial estimator.
        temperature: [F], K, of the momenta; of ring polymers their sampling temperature divided by P.
        failure: why the simulation ended before its time; empty when it did not.
        failure_time: when that was, fs; NaN without failure.

    Raises:
        ValueError: when the arrays' shapes do not fit each other.
    """

    numbers: np.ndarray
    masses: np.ndarray
    cell: np.ndarray
    pbc: np.ndarray
    time_step: float
    steps: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray
    potential_energy: np.ndarray
    kinetic_energy: np.ndarray
    temperature: np.ndarray
    failure: str = ""
    failure_time: float = float("nan")

    def __post_init__(self) -> None:
        n, n_frames = len(self.numbers), len(self.steps)
        per_frame = dict.fromkeys(PER_FRAME, (n_frames,))
        beads = self.positions.shape[1:-2]
        if len(beads) > 1:
            raise ValueError(
                f"Trajectory.positions has shape {self.positions.shape}, expected [F, n, 3] or [F, P, n, 3]"
            )
        moving = dict.fromkeys(("positions", "velocities"), (n_frames, *beads, n, 3))
        expected = {"numbers": (n,), "masses": (n,), "cell": (3, 3), "pbc": (3,)} | per_frame | moving
        for name, shape in expected.items():
            if (found := getattr(self, name).shape) != shape:
                raise ValueError(f"Trajectory.{name} has shape {found}, expected {shape}")

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, frames: slice) -> Self:
        """The frames of a slice, as views."""
        return replace(self, **{name: getattr(self, name)[frames] for name in PER_FRAME})

    @cached_property
    def times(self) -> np.ndarray:
        """[F], fs."""
        return self.steps * self.time_step

    @property
    def interval(self) -> float:
        """Time between frames, fs.

        Raises:
            ValueError: when there is none, or the frames are not evenly spaced.
        """
        gaps = np.unique(np.diff(self.steps))
        if len(gaps) != 1:
            raise ValueError(
                f"a time between frames needs two or more, evenly spaced, not {len(self)} frames"
            )
        return float(gaps[0] * self.time_step)

    @property
    def total_energy(self) -> np.ndarray:
        """[F], eV."""
        return self.potential_energy + self.kinetic_energy

    @property
    def duration(self) -> float:
        """How long it lasted, fs: until its failure, or its last frame."""
        return self.failure_time if self.failure else float(self.times[-1])

    def atoms(self, frame: int) -> ase.Atoms:
        """A frame as ASE atoms; of ring polymers their centroids."""
        positions = self.positions[frame].reshape(-1, len(self.numbers), 3).mean(axis=0)
        return ase.Atoms(self.numbers, positions, masses=self.masses, cell=self.cell, pbc=self.pbc)

    def save(self, path: str | Path) -> None:
        """Write one uncompressed .npz, atomically. Same contents give the same bytes."""
        scalars = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ARRAYS}
        arrays = {name: getattr(self, name) for name in ARRAYS}
        npz.write(path, {"metadata": np.array(json.dumps(scalars)), **arrays})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote. Never unpickles.

        Raises:
            FileNotFoundError: when there is no such file.
            ValueError: when the file is no trajectory of this package, or damaged.
        """
        arrays = npz.read(path)
        try:
            scalars = json_text.loads(str(arrays.pop("metadata")))
            return cls(**arrays, **scalars)
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"{path}: not a trajectory written by tutti ({error})") from error

    @classmethod
    def of_structures(cls, structures: Structures, interval: float) -> Self:
        """Frames of a dataset as a reference for distances: without velocities, which are NaN.

        Args:
            structures: of the same atoms in the same order and the same cell, if any.
            interval: between them, fs.

        Raises:
            ValueError: when there are none, or they are of different atoms or cells.
        """
        n_frames = len(structures)
        if n_frames == 0 or np.any(structures.n_atoms != structures.n_atoms[0]):
            raise ValueError("a trajectory has one frame or more, all of the same atoms")
        numbers = structures.numbers.reshape(n_frames, -1)
        cells = np.zeros((n_frames, 3, 3)) if structures.cell is None else structures.cell
        pbc = np.zeros((n_frames, 3), bool) if structures.pbc is None else structures.pbc
        if any(np.any(array != array[0]) for array in (numbers, cells, pbc)):
            raise ValueError(
                "the frames of a trajectory are of the same atoms, in the same order, in one cell"
            )
        positions = structures.positions.reshape(n_frames, -1, 3)
        unknown = np.full(n_frames, np.nan)
        return cls(
            numbers=numbers[0],
            masses=atomic_masses[numbers[0]],
            cell=cells[0],
            pbc=pbc[0],
            time_step=interval,
            steps=np.arange(n_frames),
            positions=positions,
            velocities=np.full_like(positions, np.nan),
            potential_energy=unknown if structures.energy is None else structures.energy,
            kinetic_energy=unknown,
            temperature=unknown,
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """The frames of consecutive parts; the end, failure or not, is the last part's.

        Raises:
            ValueError: when there are none.
        """
        if not parts:
            raise ValueError("nothing to concatenate")
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in PER_FRAME}
        return replace(parts[-1], **joined)
