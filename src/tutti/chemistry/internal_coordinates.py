"""Bond angles and torsions of one molecule: which atoms span them, and their values."""

import numpy as np


def spans(bonds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(angles [A, 3], torsions [T, 4]) int64: the atoms along every path of two and of three bonds.

    Each path is there once, whichever end it is read from; a ring of three has no torsion.

    Args:
        bonds: [B, 2] int, the atoms of each bond, each bond once.
    """
    neighbours: dict[int, list[int]] = {}
    for a, b in bonds.tolist():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    angles = [
        (one, centre, other)
        for centre, around in neighbours.items()
        for place, one in enumerate(around)
        for other in around[place + 1 :]
    ]
    torsions = [
        (one, a, b, other)
        for a, b in bonds.tolist()
        for one in neighbours[a]
        for other in neighbours[b]
        if one != b and other not in (a, one)
    ]
    return np.array(angles, np.int64).reshape(-1, 3), np.array(torsions, np.int64).reshape(-1, 4)


def lengths(positions: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    """[B] distances between the atoms of bonds [B, 2], in the unit of the positions [n, 3]."""
    return np.linalg.norm(positions[bonds[:, 0]] - positions[bonds[:, 1]], axis=1)


def bond_angles(positions: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """[A] degrees, 0 ... 180, at the middle atom of angles [A, 3]."""
    one = positions[angles[:, 0]] - positions[angles[:, 1]]
    other = positions[angles[:, 2]] - positions[angles[:, 1]]
    sine = np.linalg.norm(np.cross(one, other), axis=1)
    return np.degrees(np.arctan2(sine, (one * other).sum(axis=1)))


def torsion_angles(positions: np.ndarray, torsions: np.ndarray) -> np.ndarray:
    """[T] degrees, -180 ... 180, about the middle bond of torsions [T, 4]; 0 is cis (IUPAC)."""
    first, middle, last = (positions[torsions[:, k + 1]] - positions[torsions[:, k]] for k in range(3))
    left, right = np.cross(first, middle), np.cross(middle, last)
    sine = np.linalg.norm(middle, axis=1) * (first * right).sum(axis=1)
    return np.degrees(np.arctan2(sine, (left * right).sum(axis=1)))
