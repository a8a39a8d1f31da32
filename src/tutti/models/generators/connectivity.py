"""Which atoms of training molecules are bonded: what the orders of G-SchNet and G-SphereNet are made of."""

from hashlib import blake2b
from threading import Lock

import numpy as np
from ase.data import covalent_radii
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

FACTOR = 1.2
"""How far apart bonded atoms may be, in sums of covalent radii.

From 1.15 to 1.25 the bonds of QM9's first 339 and of all QM7 molecules are Open Babel's. At 1.15 some of an
ethanol at 500 K are too long, at 1.3 a sulphur is bonded across a ring.
"""

VALENCES = {1: 1, 5: 4, 6: 4, 7: 4, 8: 2, 9: 1, 14: 6, 15: 6, 16: 6}
"""Most neighbours of an atom, by atomic number; other elements have no limit."""


class _Known:
    """Adjacencies that were asked for before, a bit a pair; the oldest go when they exceed `LIMIT` bytes."""

    LIMIT = 1 << 26
    """64 MB: 250,000 molecules of 18 atoms, all that is counted beside the bits being `_ENTRY` bytes each."""
    _ENTRY = 220

    def __init__(self) -> None:
        self.bits: dict[bytes, bytes] = {}
        self.size, self._lock = 0, Lock()

    def get(self, key: bytes, n: int) -> np.ndarray | None:
        """The adjacency [n, n] of that key, as an array of its own."""
        bits = self.bits.get(key)
        if bits is None:
            return None
        return np.unpackbits(np.frombuffer(bits, np.uint8), count=n * n).view(bool).reshape(n, n)

    def put(self, key: bytes, adjacent: np.ndarray) -> None:
        """Keep an adjacency."""
        bits = np.packbits(adjacent).tobytes()
        with self._lock:
            if key not in self.bits:
                self.size += len(bits) + self._ENTRY
            self.bits[key] = bits
            while self.size > self.LIMIT:
                self.size -= len(self.bits.pop(next(iter(self.bits)))) + self._ENTRY


_KNOWN = _Known()


def bonded(numbers: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Adjacency [n, n] bool of a molecule, see `find_bonds`; found once for a molecule that comes again."""
    parts = (np.ascontiguousarray(array) for array in (numbers, distances))
    key = blake2b(
        b"".join(part.dtype.str.encode() + part.tobytes() for part in parts), digest_size=16
    ).digest()
    known = _KNOWN.get(key, len(numbers))
    if known is None:
        known = find_bonds(numbers, distances)
        _KNOWN.put(key, known)
    return known


def find_bonds(numbers: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Adjacency [n, n] bool of a molecule: pairs closer than `FACTOR` times the sum of their covalent radii.

    Of those, the ones that are shortest in these units come first, and an atom takes no more than its valence
    allows: a hydrogen bridge is no bond, and neither are the bridgeheads of a small cage bonded across it.
    Where that leaves several pieces, the shortest links that join them count as bonds too, so that every atom
    can be reached from every other one.

    Args:
        numbers: [n], atomic numbers.
        distances: [n, n], Å.
    """
    radii = covalent_radii[numbers]
    relative = distances / (radii[:, None] + radii)
    adjacent = relative < FACTOR
    np.fill_diagonal(adjacent, False)
    valences = np.array([VALENCES.get(int(number), len(numbers)) for number in numbers])
    if (adjacent.sum(1) > valences).any():
        adjacent = _within_valences(adjacent, relative, valences)
    pieces, piece = connected_components(adjacent, directed=False)
    if pieces > 1:
        adjacent |= _links(distances, piece, pieces)
    return adjacent


def _within_valences(adjacent: np.ndarray, lengths: np.ndarray, valences: np.ndarray) -> np.ndarray:
    """The pairs of `adjacent` that both atoms have a valence left for, shortest first; all [n, n], or [n]."""
    kept, free = np.zeros_like(adjacent), valences.copy()
    first, second = np.nonzero(np.triu(adjacent))
    for pair in np.argsort(lengths[first, second], kind="stable"):
        i, j = first[pair], second[pair]
        if free[i] and free[j]:
            kept[i, j] = kept[j, i] = True
            free[[i, j]] -= 1
    return kept


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
