"""Bond lengths, bond angles and torsions: their values, and which atoms of a molecule span them."""

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


def lengths(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[n] distances between points [n, 3], in their unit."""
    return np.linalg.norm(one - other, axis=1)


def bond_angles(one: np.ndarray, middle: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[n] degrees, 0 ... 180: the angle at `middle` between the directions to the two others, all [n, 3].

    From the tangent, whose rounding errors are small for straight angles too.
    """
    left, right = one - middle, other - middle
    sine = np.linalg.norm(np.cross(left, right), axis=1)
    return np.degrees(np.arctan2(sine, np.einsum("nx,nx->n", left, right)))


def torsion_angles(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """[n] degrees, -180 ... 180, about the bonds from b to c, all [n, 3]; 0 is cis (IUPAC)."""
    first, middle, last = b - a, c - b, d - c
    left, right = np.cross(first, middle), np.cross(middle, last)
    sine = np.linalg.norm(middle, axis=1) * np.einsum("nx,nx->n", first, right)
    return np.degrees(np.arctan2(sine, np.einsum("nx,nx->n", left, right)))
