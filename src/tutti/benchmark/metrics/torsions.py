"""Torsions (dihedral angles) by type: a chain of three bonds, `C-C-C-O:1.0,1.0,2.0` for example.

A molecule and its mirror image have torsions of opposite sign. No other metric here tells them apart, and a
generator that is invariant to reflection cannot: torsions are taken without their sign, 0 (cis) to 180°
(trans). That also makes distances simple. Of two torsions φ, φ' of either sign the nearest that mirror images
come on the circle is ‖φ| - |φ'‖, a distance on a line that does not wrap around; and the Wasserstein distance
of the unsigned is that on the circle of the data with all mirror images added, because by symmetry nothing
passes 0 or 180°.
"""

from collections.abc import Sequence

import numpy as np

from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.typed import ALPHABETICAL, HALVES, Typed, name, numbered
from tutti.chemistry.internal_coordinates import torsion_angles
from tutti.core import ragged
from tutti.core.elements import SYMBOLS
from tutti.statistics.observations import Observations

_BLOCK = 1 << 16  # bonds whose chains are enumerated at a time
_LINEAR = (6, 7)  # elements that are straight with two bonds whose orders add up to four
_FOUR = 8  # in halves


def by_type(bonded: Bonded, types: Sequence[str] | int | None = None) -> dict[str, Observations]:
    """Proper torsions about all bonds, by type.

    The type is `A-B-C-D:order,order,order`; of its two readings the one that is first, by the symbols and
    the order of the outer bonds. Where B or C is a carbon or nitrogen with two bonds that add up to four (a
    triple bond, or two double ones) the chain is straight, and there is no torsion; nor is there in rings of
    three, where A is D.

    Args:
        bonded: molecules with bonds.
        types: the types to return, or how many of the most frequent; by default all there are, the most
            frequent first.

    Returns:
        Torsions [n, 1] in degrees, without sign, 0 to 180, by type; none for one of `types` that does not
        occur.
    """
    return _typed(bonded).observations(bonded, torsion, types)


def torsion(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """[n] degrees, 0 to 180: between the planes of a, b, c and of b, c, d, all [n, 3]."""
    return np.abs(torsion_angles(a, b, c, d))


def _typed(bonded: Bonded) -> Typed:
    starts, neighbour, halves = bonded.neighbours
    n_bonds = np.diff(starts)
    places = ALPHABETICAL[bonded.numbers]
    # Half a chain: an atom of the axis with one of its bonds.
    owner = np.repeat(places, n_bonds)
    shape = (len(SYMBOLS), len(SYMBOLS), HALVES)
    ends, half = numbered(
        np.ravel_multi_index((places[neighbour], owner, halves), shape), int(np.prod(shape))
    )

    turnable = (n_bonds > 1) & ~_straight(bonded)
    bonds = np.flatnonzero(turnable[bonded.first] & turnable[bonded.second])
    found, atoms = [], []
    for start in range(0, len(bonds), _BLOCK):
        some = bonds[start : start + _BLOCK]
        chains, left, right, bond = _chains(bonded, some)
        pair = np.sort(np.stack([half[left], half[right]]), axis=0).astype(np.int64)
        middle = np.rint(2 * bonded.order[bond]).astype(np.int64)
        found.append((pair[0] * len(ends) + pair[1]) * HALVES + middle)
        atoms.append(chains)
    codes, kind = numbered(np.concatenate([np.empty(0, np.int64), *found]), max(len(ends) ** 2 * HALVES, 1))
    names = []
    for code in codes.tolist():
        rest, middle = divmod(code, HALVES)
        (a, b, first), (d, c, last) = (np.unravel_index(ends[h], shape) for h in divmod(rest, len(ends)))
        names.append(name((a, b, c, d), (first, middle, last)))
    return Typed(names, kind, np.concatenate([np.empty((4, 0), np.int32), *atoms], axis=1))


def _straight(bonded: Bonded) -> np.ndarray:
    """[ΣN] bool: atoms with two bonds in a line."""
    starts, _, halves = bonded.neighbours
    n_bonds = np.diff(starts)
    total = np.bincount(np.repeat(np.arange(len(n_bonds)), n_bonds), halves, minlength=len(n_bonds))
    return (n_bonds == 2) & (total >= _FOUR) & np.isin(bonded.numbers, _LINEAR)


def _chains(bonded: Bonded, bonds: np.ndarray) -> tuple[np.ndarray, ...]:
    """(rows of atoms [4, n], places of the outer bonds among the neighbours, [n] and [n], the bond [n])."""
    starts, neighbour, _ = bonded.neighbours
    n_bonds = np.diff(starts)
    b, c = bonded.first[bonds], bonded.second[bonds]
    counts = n_bonds[b] * n_bonds[c]
    owner = ragged.owners(counts)
    step = np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]
    row, column = np.divmod(step, n_bonds[c][owner])
    left, right = starts[b][owner] + row, starts[c][owner] + column
    atoms = np.stack([neighbour[left], b[owner], c[owner], neighbour[right]])
    chain = (atoms[0] != atoms[2]) & (atoms[1] != atoms[3]) & (atoms[0] != atoms[3])
    return atoms[:, chain].astype(np.int32), left[chain], right[chain], bonds[owner[chain]]
