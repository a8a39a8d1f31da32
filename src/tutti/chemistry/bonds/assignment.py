"""What every bond assigner returns, and the valences they judge by."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import wraps
from importlib.metadata import version
from typing import Self

import numpy as np
from rdkit import rdBase

from tutti.core.library_calls import LibraryError

# Bond-order sums that an uncharged atom may have, as Hoogeboom et al. (EDM, ICML 2022) have them; S and Se
# as in the OpenSMILES specification, section 3.1.5 (EDM's only valence of S, 4, refuses thiols).
ALLOWED_VALENCES: dict[int, tuple[int, ...]] = {
    1: (1,),
    5: (3,),
    6: (4,),
    7: (3,),
    8: (2,),
    9: (1,),
    13: (3,),
    14: (4,),
    15: (3, 5),
    16: (2, 4, 6),
    17: (1,),
    33: (3,),
    34: (2, 4, 6),
    35: (1,),
    53: (1,),
    80: (1, 2),
    83: (3, 5),
}
_IS_ALLOWED = np.zeros((256, max(map(max, ALLOWED_VALENCES.values())) + 1), dtype=bool)
for _number, _valences in ALLOWED_VALENCES.items():
    _IS_ALLOWED[_number, list(_valences)] = True


PUBLISHED = ("xyz2mol", "openbabel", "lookup")
"""The assigners of the published tables."""
OF_RDKIT, GIVEN = "xyz2mol_rdkit", "given"


def shown(assigner: str) -> str:
    """What an assigner is called in tables and figures: with the version whose verdicts it gives."""
    return f"RDKit {version('rdkit')}" if assigner == OF_RDKIT else assigner


class Reason(StrEnum):
    """Why a sample is not valid; `VALID` is the empty string."""

    VALID = ""
    UNREADABLE = "unreadable"
    NO_HYDROGENS = "no_hydrogens"
    NO_ATOMS = "no_atoms"
    TOO_MANY_ATOMS = "too_many_atoms"
    NON_FINITE_COORDINATES = "non_finite_coordinates"
    UNSUPPORTED_ELEMENT = "unsupported_element"
    OVERLAPPING_ATOMS = "overlapping_atoms"
    NO_BONDS = "no_bonds"
    CHARGE = "charge"
    VALENCE = "valence"
    SANITIZATION = "sanitization"
    LIBRARY_ERROR = "library_error"
    TIMEOUT = "timeout"
    CRASH = "crash"


@dataclass(frozen=True)
class Bonds:
    """B bonds of one molecule.

    Attributes:
        first: [B] int, index of the one atom.
        second: [B] int, index of the other; always above `first`.
        order: [B] float, 1, 1.5 (aromatic), 2 or 3.
    """

    first: np.ndarray
    second: np.ndarray
    order: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def valences(self, n_atoms: int) -> np.ndarray:
        """[n_atoms] float: sum of the bond orders at each atom."""
        ends = np.concatenate([self.first, self.second])
        return np.bincount(ends, np.concatenate([self.order, self.order]), minlength=n_atoms)

    def renumbered(self, places: np.ndarray) -> Self:
        """The same bonds, sorted, when atom i is in truth atom places[i]."""
        ends = np.sort(places[np.stack([self.first, self.second])], axis=0)
        by_atoms = np.lexsort(ends[::-1])
        return type(self)(ends[0, by_atoms], ends[1, by_atoms], self.order[by_atoms])


NO_BONDS = Bonds(np.empty(0, dtype=int), np.empty(0, dtype=int), np.empty(0))


@dataclass(frozen=True)
class Known:
    """What is said of a sample of n atoms besides its elements and positions.

    Attributes:
        charge: of the whole, in elementary charges.
        bonds: that its file brings; None where it brings none.
        formal_charges: [n] int8, of the atoms, where its file brings bonds.
    """

    charge: int = 0
    bonds: Bonds | None = None
    formal_charges: np.ndarray | None = None


NOTHING = Known()


@dataclass(frozen=True)
class Assignment:
    """Verdict of one assigner on one sample.

    Attributes:
        reason: why the sample is not valid (empty when it is).
        smiles: canonical SMILES of a valid molecule (see `tutti.chemistry.bonds.graph.smiles`), else None.
        published_smiles: what the published tables compare when they count different molecules, with stereo
            marks and explicit hydrogens; None when the sample is not valid as they have it, or the assigner
            has no part in them.
        bonds: the bonds as the method gives them: `xyz2mol`, `xyz2mol_rdkit` and `given` mark aromatic ones
            1.5, the others are kekulised. A sample that is not valid may have some.
        connected: a valid molecule is in one piece; None when not valid.
        neutral_atoms: no atom of a valid molecule has a formal charge; None when not valid.
        no_radicals: no atom of a valid molecule has unpaired electrons or lacks hydrogens; None when not
            valid.
        ring_sizes: atoms in each ring of a valid molecule's SSSR (smallest set of smallest rings), ascending;
            empty when there are none and when not valid.
        n_stable_atoms: atoms whose bond orders add up to an allowed valence; only `lookup` counts them.
        molecule_stable: all atoms are stable; only `lookup` tells.
        message: what the library said that raised an exception (reason `library_error`), else empty.
    """

    reason: Reason
    smiles: str | None = None
    published_smiles: str | None = None
    bonds: Bonds = field(default=NO_BONDS)
    connected: bool | None = None
    neutral_atoms: bool | None = None
    no_radicals: bool | None = None
    ring_sizes: tuple[int, ...] = ()
    n_stable_atoms: int | None = None
    molecule_stable: bool | None = None
    message: str = ""

    @property
    def valid(self) -> bool:
        """Whether the sample is valid by this assigner's definition."""
        return self.reason == Reason.VALID


def has_allowed_valence(numbers: np.ndarray, valences: np.ndarray) -> np.ndarray:
    """[n] bool: whether each atom's bond-order sum is one of its `ALLOWED_VALENCES`.

    Args:
        numbers: [n] uint8, atomic numbers.
        valences: [n] float, bond-order sums of a kekulised molecule (an aromatic order of 1.5 has no place).
    """
    whole = np.minimum(valences, _IS_ALLOWED.shape[1] - 1).astype(int)
    return _IS_ALLOWED[numbers, whole] & (valences == whole)


Assign = Callable[[np.ndarray, np.ndarray, Known], Assignment]


def spared(assign: Assign) -> Callable[..., Assignment]:
    """An assigner that gives what makes a library raise an exception the reason `library_error`."""

    @wraps(assign)
    def judged(numbers: np.ndarray, positions: np.ndarray, known: Known = NOTHING) -> Assignment:
        with rdBase.BlockLogs():  # what RDKit refuses it also tells on stderr, at length
            try:
                return assign(numbers, positions, known)
            except LibraryError as error:
                return Assignment(Reason.LIBRARY_ERROR, message=str(error))

    return judged
