"""Bond angles by type: an atom with two of its bonds, `C-C-O:1.0,2.0` for example.

Generators of today are held against the data by the distributions of their angles: Vignac et al., "MiDi",
ECML PKDD 2023, by the element of the middle atom; here, as for bond lengths, by everything that the three
atoms and two bonds are.
"""

from collections.abc import Sequence

import numpy as np

from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.typed import ALPHABETICAL, HALVES, Typed, name, numbered
from tutti.chemistry.internal_coordinates import bond_angles
from tutti.core import ragged
from tutti.core.elements import SYMBOLS
from tutti.statistics.observations import Observations


def by_type(bonded: Bonded, types: Sequence[str] | int | None = None) -> dict[str, Observations]:
    """Angles between every two bonds of an atom, by type.

    The type is `A-B-C:order,order`, B in the middle; of its two readings the one that is first, by the
    symbols of the ends in the alphabet, then by the orders.

    Args:
        bonded: molecules with bonds.
        types: the types to return, or how many of the most frequent; by default all there are, the most
            frequent first.

    Returns:
        Angles [n, 1] in degrees, 0 to 180, by type; none for one of `types` that does not occur.
    """
    return _typed(bonded).observations(bonded, bond_angles, types)


def _typed(bonded: Bonded) -> Typed:
    starts, neighbour, halves = bonded.neighbours
    n_bonds = np.diff(starts)
    # Each bond of an atom with those of its bonds that come later.
    later = np.repeat(starts[1:], n_bonds) - np.arange(len(neighbour)) - 1
    left = ragged.owners(later)
    right = left + 1 + np.arange(len(left)) - np.repeat(np.cumsum(later) - later, later)
    middle = np.repeat(np.arange(len(n_bonds)), n_bonds)[left]

    places = ALPHABETICAL[bonded.numbers]
    ends, end = numbered(places[neighbour] * HALVES + halves, len(SYMBOLS) * HALVES)
    centres, centre = numbered(places[middle], len(SYMBOLS))
    pair = np.sort(np.stack([end[left], end[right]]), axis=0)
    shape = (len(centres), len(ends), len(ends))
    codes, kind = numbered(
        np.ravel_multi_index((centre, *pair), shape) if len(left) else left, max(np.prod(shape), 1)
    )
    names = []
    for code in codes:
        at, *both = np.unravel_index(code, shape)
        (a, first), (c, second) = (divmod(int(ends[each]), HALVES) for each in both)
        names.append(name((a, centres[at], c), (first, second)))
    return Typed(names, kind, np.stack([neighbour[left], middle, neighbour[right]]))
