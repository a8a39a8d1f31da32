"""Bond lengths by bond type, `C-O:2.0` for example: Daigavane et al. (ICLR 2024), table 3."""

from collections.abc import Sequence

import numpy as np

from tutti.benchmark.metrics.bonded import Bonded
from tutti.core.elements import SYMBOLS
from tutti.statistics.observations import Observations, most_frequent

ALPHABETICAL = np.argsort(np.argsort(SYMBOLS))
"""[119] int: the place of each atomic number's symbol in the alphabet."""

_SORTED_SYMBOLS = sorted(SYMBOLS)
_HALVES = 8  # bond orders counted in halves stay below it


def by_type(bonded: Bonded, types: Sequence[str] | None = None) -> dict[str, Observations]:
    """Lengths of all bonds by bond type.

    The type is `A-B:order` with A before B in the alphabet and the order 1.0, 1.5 (aromatic), 2.0 or 3.0.

    Args:
        bonded: molecules with bonds.
        types: the types to return; by default all there are, the most frequent first.

    Returns:
        Lengths [n, 1] in Å by type; none for one of `types` that does not occur.
    """
    names, kind = _types(bonded)
    lengths = np.linalg.norm(bonded.positions[bonded.first] - bonded.positions[bonded.second], axis=1)
    # Stable: the bonds of a type stay in the order of the molecules. Radix sort, for 16 bits.
    order = np.argsort(kind.astype(np.uint16), kind="stable")
    lengths, molecule = lengths[order, None], bonded.molecule[bonded.first][order]
    ends = np.cumsum(np.bincount(kind, minlength=len(names)))
    observations = {
        name: Observations(lengths[start:end], molecule[start:end], len(bonded))
        for name, start, end in zip(names, [0, *ends], ends, strict=False)
    }
    if types is None:
        return {name: observations[name] for name in most_frequent(observations, len(observations))}
    nothing = Observations(np.empty((0, 1)), np.empty(0, np.int64), len(bonded))
    return {name: observations.get(name, nothing) for name in types}


def _types(bonded: Bonded) -> tuple[list[str], np.ndarray]:
    """(names [K] of the types that occur, [B] int: the type of each bond)."""
    places = ALPHABETICAL[bonded.numbers]
    ends = np.sort(np.stack([places[bonded.first], places[bonded.second]]), axis=0)
    shape = (len(SYMBOLS), len(SYMBOLS), _HALVES)
    codes = np.ravel_multi_index((*ends, np.rint(2 * bonded.order).astype(int)), shape)
    present = np.bincount(codes, minlength=np.prod(shape)) > 0
    kind = (np.cumsum(present) - 1)[codes]
    triples = np.unravel_index(present.nonzero()[0], shape)
    names = [
        f"{_SORTED_SYMBOLS[a]}-{_SORTED_SYMBOLS[b]}:{halves / 2:.1f}"
        for a, b, halves in zip(*triples, strict=True)
    ]
    return names, kind
