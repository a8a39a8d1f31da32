"""Which atoms of training molecules are bonded: what the orders of G-SchNet and G-SphereNet are made of."""

import numpy as np
from ase.data import covalent_radii
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

FACTOR = 1.3
"""How far apart bonded atoms may be, in sums of covalent radii (Kim and Kim 2015, as RDKit has it)."""


def bonded(numbers: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Adjacency [n, n] bool of a molecule: pairs closer than `FACTOR` times the sum of their covalent radii.

    Where that leaves several pieces, the shortest links that join them count as bonds too, so that every atom
    can be reached from every other one. Hydrogen bridges are no bonds: a hydrogen keeps its closest
    neighbour only.

    Args:
        numbers: [n], atomic numbers.
        distances: [n, n], Å.
    """
    n = len(numbers)
    radii = covalent_radii[numbers]
    off_diagonal = ~np.eye(n, dtype=bool)
    adjacent = (distances < FACTOR * (radii[:, None] + radii)) & off_diagonal
    hydrogens = np.flatnonzero((np.asarray(numbers) == 1) & (adjacent.sum(1) > 1))
    for atom in hydrogens:
        nearest = np.argmin(np.where(adjacent[atom], distances[atom], np.inf))
        adjacent[atom] = adjacent[:, atom] = False
        adjacent[atom, nearest] = adjacent[nearest, atom] = True
    pieces, piece = connected_components(adjacent, directed=False)
    if pieces > 1:
        adjacent |= _links(distances, piece, pieces)
    return adjacent


def _links(distances: np.ndarray, piece: np.ndarray, pieces: int) -> np.ndarray:
    """The shortest pairs [n, n] bool that join all pieces: a minimum spanning tree between them."""
    between = np.full((pieces, pieces), np.inf)
    np.minimum.at(between, (piece[:, None], piece), distances)
    np.fill_diagonal(between, 0.0)
    tree = minimum_spanning_tree(between).toarray()
    links = np.zeros(distances.shape, dtype=bool)
    for a, b in zip(*np.nonzero(tree), strict=True):
        allowed = (piece[:, None] == a) & (piece == b)
        i, j = np.unravel_index(np.argmin(np.where(allowed, distances, np.inf)), distances.shape)
        links[i, j] = links[j, i] = True
    return links
