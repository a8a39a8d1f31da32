"""Bond lengths by bond type, `C-O:2.0` for example: Daigavane et al. (ICLR 2024), table 3."""

from collections.abc import Sequence

import numpy as np

from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.typed import ALPHABETICAL, HALVES, Typed, name, numbered
from tutti.chemistry.internal_coordinates import lengths
from tutti.core.elements import SYMBOLS
from tutti.statistics.observations import Observations


def by_type(bonded: Bonded, types: Sequence[str] | int | None = None) -> dict[str, Observations]:
    """Lengths of all bonds by bond type.

    The type is `A-B:order` with A before B in the alphabet and the order 1.0, 1.5 (aromatic), 2.0 or 3.0.

    Args:
        bonded: molecules with bonds.
        types: the types to return, or how many of the most frequent; by default all there are, the most
            frequent first.

    Returns:
        Lengths [n, 1] in Å by type; none for one of `types` that does not occur.
    """
    return _typed(bonded).observations(bonded, lengths, types)


def _typed(bonded: Bonded) -> Typed:
    atoms = np.stack([bonded.first, bonded.second])
    ends = np.sort(ALPHABETICAL[bonded.numbers[atoms]], axis=0)
    shape = (len(SYMBOLS), len(SYMBOLS), HALVES)
    codes, kind = numbered(
        np.ravel_multi_index((*ends, np.rint(2 * bonded.order).astype(int)), shape), np.prod(shape)
    )
    triples = zip(*np.unravel_index(codes, shape), strict=True)
    return Typed([name((a, b), (halves,)) for a, b, halves in triples], kind, atoms)
