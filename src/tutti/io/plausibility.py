"""Whether data can be what they are read as: lengths, energies and forces in their units.

Every check looks at a sample of the structures and speaks only where right data cannot look so: bonds of
every structure far too short or long, labels that are all zero, energies that do not change as the forces
say, hydrogens on springs that no bond is, and energies that are those of all electrons in another unit.
"""

import warnings
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import numpy as np
from ase.data import covalent_radii

from tutti.core.elements import SYMBOLS
from tutti.core.structures import Structures
from tutti.core.units import factor
from tutti.io import label_units
from tutti.io.text import FormatError

STRUCTURES = 200
"""So many structures are looked at, evenly over all of them, as long as they are small."""
WORK = 5_000_000
"""So many distances are measured."""
CENTRES = 64
"""Of larger structures, the distances from so many atoms are measured."""
BONDED = (0.66, 1.4)
"""The shortest distance of a structure in units of the sum of the atoms' covalent radii. Molecules and
crystals have 0.75 (N2) to 1.25 (F2), and less where they are hot; other units are factors of 1.9 away."""
NOBLE = (2, 10, 18, 36, 54, 86)


def check(structures: Structures, path: Path, units: Mapping[str, str] | None, read_in: str | None) -> None:
    """Warn of what cannot be right.

    Args:
        structures: as read, in eV and Å.
        path: of the file or folder.
        units: those that were given; None: labels were not read, and lengths are only warned of.
        read_in: unit of length of the format; None where the file says it.

    Raises:
        FormatError: when all structures have bonds if lengths are in another unit, which was not given.
    """
    rows = np.unique(np.linspace(0, len(structures) - 1, STRUCTURES).astype(int))
    if not _has_bonds(structures, path, rows, units, read_in) or units is None:
        return
    for problem in [*_zeros(structures), *label_units.problems(structures, rows)]:
        warnings.warn(f"{path}: {problem}", stacklevel=3)


def _has_bonds(
    structures: Structures, path: Path, rows: np.ndarray, units: Mapping[str, str] | None, read_in: str | None
) -> bool:
    """Whether bonds are as long as bonds are; if not, it has been said."""
    found = shortest(structures, rows)
    ratios = np.array([ratio for ratio, *_ in found])
    if not found or (np.quantile(ratios, 0.95) >= BONDED[0] and np.quantile(ratios, 0.05) <= BONDED[1]):
        return True
    _, place, distance, pair = found[int(np.argsort(ratios)[len(ratios) // 2])]
    others = ", others alike" if len(structures) > 1 else ""
    seen = f"{distance:.3g} Å between {pair} at the shortest of structure {place}{others}"
    given = (units or {}).get("length")
    other = None if read_in is None else _other_unit(ratios, given or read_in)
    small = all(structures.n_atoms[i] < 3 for _, i, *_ in found)
    if other and not small and units is not None and given is None:
        hint = (
            f"lengths seem to be in {other}: give units: {{length: {other}}}, or {read_in} if they are right"
        )
        raise FormatError(str(path), "bonds as long as bonds are", f"{seen}; {hint}")
    seem = f"; lengths seem to be in {other}" if other else ""
    warnings.warn(f"{path}: no bonds as long as bonds are: {seen}{seem}", stacklevel=4)
    return False


def _other_unit(ratios: np.ndarray, unit: str) -> str | None:
    """The unit of length in which nearly all structures have bonds of usual length."""
    for other in ("Å", "bohr", "nm", "pm"):
        scaled = ratios * factor(other, unit)
        if ((scaled > BONDED[0]) & (scaled < BONDED[1])).mean() > 0.95 and scaled.std() < 0.15:
            return other
    return None


def shortest(structures: Structures, rows: np.ndarray) -> list[tuple[float, int, float, str]]:
    """Of structures, the shortest distance over the sum of radii, the place, its length in Å, and of whom.

    Structures of one atom and of noble gases have none.
    """
    found, work = [], 0
    for i in np.random.default_rng(0).permutation(rows):
        numbers, positions = structures.frame(i)
        if len(numbers) < 2 or np.isin(numbers, NOBLE).all():
            continue
        images = _images(structures, i)
        centres = np.unique(np.linspace(0, len(numbers) - 1, CENTRES).astype(int))
        work += len(centres) * len(numbers) * len(images)
        if work > WORK and found:
            break
        away = positions[None, :, None] + images - positions[centres, None, None]
        distances = np.sqrt((away**2).sum(-1)).min(-1)
        distances[np.arange(len(centres)), centres] = np.inf
        radii = covalent_radii[numbers]
        ratios = distances / (radii[centres, None] + radii)
        a, b = np.unravel_index(ratios.argmin(), ratios.shape)
        pair = f"{SYMBOLS[numbers[centres[a]]]} and {SYMBOLS[numbers[b]]}"
        found.append((float(ratios[a, b]), int(i), float(distances[a, b]), pair))
    return found


def _images(structures: Structures, i: int) -> np.ndarray:
    """[k, 3] shifts of an atom to itself and to its neighbouring images."""
    if structures.cell is None or not structures.pbc[i].any():
        return np.zeros((1, 3))
    shifts = product(*((-1, 0, 1) if periodic else (0,) for periodic in structures.pbc[i]))
    return np.array(list(shifts)) @ structures.cell[i]


def _zeros(structures: Structures) -> Iterator[str]:
    if len(structures) < 2 or structures.n_atoms.max() < 2:
        return
    for name in ("energy", "forces"):
        values = getattr(structures, name)
        if values is not None and not values.any():
            plural = "energies" if name == "energy" else "forces"
            hint = f"if they are unknown, keys: {{{name}: null}} leaves them out"
            yield f"{plural} are exactly 0 in all {len(structures)} structures; {hint}"
