"""Distribution of angles: bond angles of molecules, those between neighbours in a liquid."""

from itertools import combinations

import numpy as np

from tutti.core.elements import SYMBOLS
from tutti.simulation.analysis.radial_distribution import pair_distances
from tutti.simulation.trajectory import Trajectory

NEIGHBOURS = 4
"""In a liquid the angles are those between an atom's four nearest, six around each oxygen of water, as in the
tetrahedral order parameter (Errington and Debenedetti, Nature 409, 318, 2001)."""
BINS = 90
WIDTH = 180.0 / BINS
"""Degrees."""
CENTRES = (np.arange(BINS) + 0.5) * WIDTH
"""[BINS] degrees."""


def triplets_of_bonds(bonds: np.ndarray) -> np.ndarray:
    """[T, 3] atoms a-centre-b of all pairs of bonds [B, 2] that share an atom."""
    partners: dict[int, list[int]] = {}
    for first, second in bonds.tolist():
        partners.setdefault(first, []).append(second)
        partners.setdefault(second, []).append(first)
    found = [(a, centre, b) for centre, ends in sorted(partners.items()) for a, b in combinations(ends, 2)]
    return np.array(found, int).reshape(-1, 3)


def bond_angles(trajectory: Trajectory, triplets: np.ndarray) -> dict[str, np.ndarray]:
    """Densities [F, BINS] (1/degree, of integral 1) of the angles of fixed triplets [T, 3] by their elements.

    Names are such as `H-C-O`, ends in alphabetical order. No triplets, no densities.
    """
    symbols = [SYMBOLS[z] for z in trajectory.numbers]
    kinds: dict[str, list[np.ndarray]] = {}
    for a, centre, b in triplets:
        first, last = sorted((symbols[a], symbols[b]))
        kinds.setdefault(f"{first}-{symbols[centre]}-{last}", []).append(np.array([a, centre, b]))
    return {name: _densities(_angles(trajectory, np.array(kinds[name]))) for name in sorted(kinds)}


def neighbour_angles(trajectory: Trajectory, atoms: np.ndarray) -> dict[str, np.ndarray]:
    """The same of the angles between the `NEIGHBOURS` nearest of `atoms` [K], around each of them.

    Raises:
        ValueError: when there are no more atoms than neighbours.
    """
    if len(atoms) <= NEIGHBOURS:
        raise ValueError(f"{len(atoms)} atoms have no {NEIGHBOURS} neighbours among them")
    first, second = np.meshgrid(atoms, atoms, indexing="ij")
    pairs = np.array([*combinations(range(NEIGHBOURS), 2)])
    angles = []
    for k in range(len(trajectory)):
        frame = trajectory[k : k + 1]
        distances = pair_distances(frame, first.ravel(), second.ravel()).reshape(first.shape)
        np.fill_diagonal(distances, np.inf)
        nearest = atoms[np.argsort(distances, axis=1, kind="stable")[:, :NEIGHBOURS]]
        ends = nearest[:, pairs].reshape(-1, 2)
        centres = np.repeat(atoms, len(pairs))
        angles.append(_angles(frame, np.stack([ends[:, 0], centres, ends[:, 1]], axis=1))[0])
    symbol = SYMBOLS[trajectory.numbers[atoms[0]]]
    return {f"{symbol}-{symbol}-{symbol}": _densities(np.array(angles).reshape(len(trajectory), -1))}


def _angles(trajectory: Trajectory, triplets: np.ndarray) -> np.ndarray:
    """[F, T] degrees; of nearest images where it is periodic."""
    centres = trajectory.positions[:, triplets[:, 1]]
    ends = [trajectory.positions[:, triplets[:, k]] - centres for k in (0, 2)]
    if trajectory.pbc.any():
        inverse = np.linalg.inv(trajectory.cell)
        ends = [v - (np.round(v @ inverse) * trajectory.pbc) @ trajectory.cell for v in ends]
    a, b = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in ends)
    return np.degrees(np.arccos(np.clip(np.sum(a * b, axis=-1), -1, 1)))


def _densities(angles: np.ndarray) -> np.ndarray:
    """[F, BINS] of angles [F, T]; NaN angles, of atoms on each other, are left out."""
    counts = [np.histogram(row[np.isfinite(row)], BINS, (0, 180))[0] for row in angles]
    return np.array(counts, float).reshape(-1, BINS) / (max(angles.shape[1], 1) * WIDTH)
