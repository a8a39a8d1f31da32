"""Local environments: an atom with its bonded neighbours, `C:C2,H2` for example.

Daigavane et al., "Symphony: Symmetry-Equivariant Point-Centered Spherical Harmonics for 3D Molecule
Generation", ICLR 2024, table 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from tutti.benchmark.metrics.bonded import Bonded
from tutti.core.elements import SYMBOLS

_MAX_CODE = 1 << 62  # of 64-bit integers


@dataclass(frozen=True)
class Environments:
    """E atoms with at least two bonded neighbours, by the kind of their environment.

    Attributes:
        names: [K] kinds, the most frequent first, ties in alphabetical order: the centre, then the elements
            of the neighbours in alphabetical order with their numbers.
        kind: [E] int64, index into `names`.
        centre: [E] int64, row of the central atom; ascending.
        molecule: [E] int64, the molecule it belongs to; ascending.
    """

    names: list[str]
    kind: np.ndarray
    centre: np.ndarray
    molecule: np.ndarray

    def __len__(self) -> int:
        return len(self.kind)

    @classmethod
    def of(cls, bonded: Bonded) -> Self:
        """All environments of the molecules."""
        n_neighbours = np.bincount(_directed(bonded)[0], minlength=len(bonded.numbers))
        centre = np.flatnonzero(n_neighbours >= 2)
        names, kind = _kinds(bonded, centre)
        counts = np.bincount(kind, minlength=len(names))
        ranking = sorted(range(len(names)), key=lambda k: (-counts[k], names[k]))
        rank = np.empty(len(names), np.int64)
        rank[ranking] = np.arange(len(names))
        return cls([names[k] for k in ranking], rank[kind], centre, bonded.molecule[centre])

    def of_kind(self, names: Sequence[str]) -> Self:
        """Those of some kinds only; `names` become the names, whether they occur or not."""
        place = {name: i for i, name in enumerate(names)}
        renamed = np.array([place.get(name, -1) for name in self.names], np.int64)[self.kind]
        chosen = renamed >= 0
        return type(self)(list(names), renamed[chosen], self.centre[chosen], self.molecule[chosen])


def pairs(bonded: Bonded, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every bond of some atoms, seen from each of them.

    Args:
        bonded: molecules with bonds.
        centre: [E] int, rows of different atoms.

    Returns:
        ([P] int64: index into `centre`, ascending; [P] int64: row of the neighbour).
    """
    place = np.full(len(bonded.numbers), -1)
    place[centre] = np.arange(len(centre))
    atoms, neighbour = _directed(bonded)
    index = place[atoms]
    chosen = index >= 0
    index, neighbour = index[chosen], neighbour[chosen]
    order = np.argsort(index, kind="stable")
    return index[order], neighbour[order]


def _directed(bonded: Bonded) -> tuple[np.ndarray, np.ndarray]:
    """([2B] rows of atoms, [2B] rows of their neighbours)."""
    return np.concatenate([bonded.first, bonded.second]), np.concatenate([bonded.second, bonded.first])


def _kinds(bonded: Bonded, centre: np.ndarray) -> tuple[list[str], np.ndarray]:
    """(names [K], [E] int: the kind of each environment)."""
    index, neighbour = pairs(bonded, centre)
    elements = bonded.numbers[neighbour]
    codes, size = bonded.numbers[centre].astype(np.int64), len(SYMBOLS)
    for number in np.unique(elements):
        counts = np.bincount(index[elements == number], minlength=len(centre))
        base = int(counts.max()) + 1
        if size * base > _MAX_CODE:  # number the codes anew, with no gaps
            distinct, codes = np.unique(codes, return_inverse=True)
            size = len(distinct)
        codes, size = codes * base + counts, size * base
    # Only one example of each kind is put into words.
    _, examples, kind = np.unique(codes, return_index=True, return_inverse=True)
    ends = np.searchsorted(index, [examples, examples + 1])
    return [
        _name(bonded.numbers[centre[i]], elements[start:stop])
        for i, start, stop in zip(examples, *ends, strict=True)
    ], kind


def _name(centre: int, neighbours: np.ndarray) -> str:
    numbers, counts = np.unique(neighbours, return_counts=True)
    parts = sorted((SYMBOLS[number], count) for number, count in zip(numbers, counts, strict=True))
    return f"{SYMBOLS[centre]}:{','.join(f'{symbol}{count}' for symbol, count in parts)}"
