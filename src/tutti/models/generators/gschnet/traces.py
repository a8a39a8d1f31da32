"""Traces: the order in which G-SchNet sees the atoms of a molecule (Gebauer et al. 2019)."""

from dataclasses import dataclass

import numpy as np
from ase.data import atomic_masses

from tutti.core.structures import Structures
from tutti.models.generators.connectivity import bonded
from tutti.models.species import Species


@dataclass(frozen=True)
class Traces:
    """A trace of each of B molecules, padded to M atoms and T = 2M steps; a molecule of n atoms has 2n.

    Atoms are in the order in which they are placed. Places are 0 for the origin, the centre of mass, and
    1 ... n for the atoms, so that what is there in a step are the places 0 ... `placed`.

    Attributes:
        n_atoms: [B] int64.
        species: [B, M] int64, positions in the model's list of elements.
        positions: [B, M, 3], Å, relative to the centre of mass.
        placed: [B, T] int64, number of atoms already there.
        focus: [B, T] int64, place of the focus; 0 in the first step.
        target: [B, T] int64, species of the next atom, which gets place `placed` + 1, or S (number of
            species) where there is none and the focus is finished.
    """

    n_atoms: np.ndarray
    species: np.ndarray
    positions: np.ndarray
    placed: np.ndarray
    focus: np.ndarray
    target: np.ndarray

    @property
    def steps(self) -> np.ndarray:
        """[B, T] bool: the steps that exist."""
        return np.arange(self.placed.shape[1]) < 2 * self.n_atoms[:, None]


@dataclass(frozen=True)
class _Molecules:
    """B molecules padded to M atoms, those closest to the centre of mass first, and which are bonded."""

    n_atoms: np.ndarray
    species: np.ndarray
    positions: np.ndarray
    adjacent: np.ndarray

    @classmethod
    def pad(cls, structures: Structures, rows: np.ndarray, known: Species) -> "_Molecules":
        counts = structures.n_atoms[rows]
        n, width = len(rows), int(counts.max())
        padded = cls(
            counts,
            np.zeros((n, width), dtype=np.int64),
            np.zeros((n, width, 3)),
            np.zeros((n, width, width), dtype=bool),
        )
        for i, row in enumerate(rows):
            numbers, positions = structures.frame(row)
            centred = positions - centre_of_mass(numbers, positions)
            order = np.argsort((centred**2).sum(1), kind="stable")
            numbers, centred = numbers[order], centred[order]
            difference = centred[:, None] - centred
            distances = np.sqrt(np.einsum("ijk,ijk->ij", difference, difference))
            padded.species[i, : len(numbers)] = known.of(numbers)
            padded.positions[i, : len(numbers)] = centred
            padded.adjacent[i, : len(numbers), : len(numbers)] = bonded(numbers, distances)
        return padded


def centre_of_mass(numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """[3], Å, of atoms with atomic numbers [n] at positions [n, 3] (Å)."""
    return np.average(positions, axis=0, weights=atomic_masses[numbers])


def make_traces(
    structures: Structures, rows: np.ndarray, species: Species, rng: np.random.Generator
) -> Traces:
    """A random trace of each of the molecules `rows` [B]; `rng` draws the foci.

    The first atom is the one closest to the centre of mass. Then a random atom among those placed and not
    finished is the focus, and the next atom is its unplaced bonded neighbour closest to the centre of mass.
    A focus without any is finished; the trace ends when all atoms are.
    """
    molecules = _Molecules.pad(structures, rows, species)
    n, width = molecules.species.shape
    batch, n_steps = np.arange(n), 2 * width
    placed, finished = np.zeros((2, n, width), dtype=bool)
    order, place = np.zeros((2, n, width), dtype=np.int64)
    count = np.zeros(n, dtype=np.int64)
    recorded = np.zeros((3, n, n_steps), dtype=np.int64)
    for step in range(n_steps):
        focus = np.argmax((placed & ~finished) * (1.0 - rng.random(placed.shape)), axis=1)
        waiting = molecules.adjacent[batch, focus] & ~placed
        if step == 0:
            waiting = np.arange(width) == np.zeros((n, 1))
        following = np.argmax(waiting, axis=1)
        grows = waiting.any(1)
        target = np.where(grows, molecules.species[batch, following], len(species))
        recorded[:, :, step] = count, place[batch, focus], target
        finished[batch[~grows], focus[~grows]] = True
        growing, new = batch[grows], following[grows]
        placed[growing, new] = True
        order[growing, count[grows]] = new
        count += grows
        place[growing, new] = count[grows]
    return Traces(
        molecules.n_atoms,
        np.take_along_axis(molecules.species, order, axis=1),
        np.take_along_axis(molecules.positions, order[:, :, None], axis=1),
        *recorded,
    )
