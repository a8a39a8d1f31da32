"""Coordinates of bonded atoms (bond lengths, angles, torsions), sorted by the type of the atoms and bonds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tutti.benchmark.metrics.bonded import Bonded
from tutti.core.elements import SYMBOLS
from tutti.statistics.observations import Observations, most_frequent

ALPHABETICAL = np.argsort(np.argsort(SYMBOLS))
"""[119] int: the place of each atomic number's symbol in the alphabet."""
SORTED_SYMBOLS = sorted(SYMBOLS)
"""[119] the symbols in that order."""
HALVES = 8
"""Bond orders counted in halves stay below it."""

_BLOCK = 1 << 18  # coordinates whose positions are in memory at a time
_MAPPED = 1 << 24  # codes below it are looked up in a map; sorting takes longer


@dataclass(frozen=True)
class Typed:
    """N coordinates of k atoms each.

    Attributes:
        names: [K] the types.
        kind: [N] int, index into `names`.
        atoms: [k, N] int, rows of the atoms; molecules ascending.
    """

    names: list[str]
    kind: np.ndarray
    atoms: np.ndarray

    def observations(
        self, bonded: Bonded, measure: Callable[..., np.ndarray], types: Sequence[str] | int | None
    ) -> dict[str, Observations]:
        """The values by type.

        Args:
            bonded: the molecules.
            measure: from the positions of the atoms, k arrays [n, 3] in Å, to n values.
            types: the types to return, or how many of the most frequent; None: all, the most frequent first.

        Returns:
            Values [n, 1] by type; none for one of `types` that does not occur.
        """
        if types is None or isinstance(types, int):
            counts = np.bincount(self.kind, minlength=len(self.names))
            sets = {name: range(n) for name, n in zip(self.names, counts, strict=True)}
            types = most_frequent(sets, len(sets) if types is None else types)
        wanted = list(types)
        place = {name: number for number, name in enumerate(wanted)}
        number = np.array([place.get(name, -1) for name in self.names], np.int64)[self.kind]
        chosen = np.flatnonzero(number >= 0)
        number = number[chosen]
        # Stable: those of a type stay in the order of the molecules. Radix sort, for 16 bits.
        small = np.uint16 if len(wanted) <= np.iinfo(np.uint16).max else np.int64
        rows = chosen[np.argsort(number.astype(small), kind="stable")]
        values, molecule = self._measured(bonded, measure, rows), bonded.molecule[self.atoms[0, rows]]
        ends = np.cumsum(np.bincount(number, minlength=len(wanted)))
        return {
            name: Observations(values[start:end, None], molecule[start:end], len(bonded))
            for name, start, end in zip(wanted, [0, *ends], ends, strict=False)
        }

    def _measured(self, bonded: Bonded, measure: Callable[..., np.ndarray], rows: np.ndarray) -> np.ndarray:
        values = np.empty(len(rows))
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            values[block] = measure(*(bonded.positions[atoms[rows[block]]] for atoms in self.atoms))
        return values


def numbered(codes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(the different codes [K], ascending; [N] int: the place of each code among them).

    Args:
        codes: [N] int from 0 on.
        size: no code is as large.
    """
    if size > _MAPPED:
        return np.unique(codes, return_inverse=True)
    present = np.zeros(size, bool)
    present[codes] = True
    return present.nonzero()[0], (np.cumsum(present, dtype=np.int32) - 1)[codes]


def name(symbols: Sequence[int], halves: Sequence[int]) -> str:
    """`C-C-O:1.0,1.5` for atoms by their places in the alphabet and bond orders in halves."""
    atoms = "-".join(SORTED_SYMBOLS[place] for place in symbols)
    return f"{atoms}:{','.join(f'{order / 2:.1f}' for order in halves)}"
