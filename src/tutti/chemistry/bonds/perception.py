"""Bond orders for a total charge, by RDKit's port of xyz2mol, whatever the order of the atoms.

Method: Kim and Kim, Bull. Korean Chem. Soc. 36, 1769 (2015). RDKit's result depends on the order in which the
atoms come (rdkit#5887, rdkit#8006): the same nitro compound is refused in one and found in another. Here the
atoms are sorted first, by a canonical numbering of the graph of who is bonded to whom.
"""

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDetermineBonds

from tutti.chemistry.bonds.assignment import Reason
from tutti.chemistry.bonds.connectivity import canonical_order
from tutti.core.library_calls import RDKIT

# How RDKit's messages begin, or what they contain; anything else that it refuses is a failed sanitisation.
_MESSAGES = {
    "has no valences defined": Reason.UNSUPPORTED_ELEMENT,
    "Final molecular charge": Reason.CHARGE,
    "Unable to determine valence": Reason.VALENCE,
}


def perceive(mol: Chem.RWMol, charge: int) -> Chem.RWMol | Reason:
    """A molecule with the bonds of another in their orders, sanitised, its atoms in the same places.

    Args:
        mol: molecule with single bonds and one conformer; stays as it is.
        charge: of the whole.

    Returns:
        The molecule; or why there is none: what RDKit refuses, or no bond at all.

    Raises:
        LibraryError: when RDKit fails.
    """
    order = canonical_order(mol)
    found = perceive_as_given(_renumbered(mol, order), charge)
    return found if isinstance(found, Reason) else _renumbered(found, np.argsort(order).tolist())


def perceive_as_given(mol: Chem.RWMol, charge: int) -> Chem.RWMol | Reason:
    """The same in place, with the atoms in the order in which they come, as the published tables have it."""
    if not mol.GetNumBonds():
        return Reason.NO_BONDS
    with RDKIT:
        try:
            rdDetermineBonds.DetermineBondOrders(mol, charge=charge)
        except ValueError as error:
            return _reason(str(error))
    return mol


def _renumbered(mol: Chem.Mol, order: list[int]) -> Chem.RWMol:
    with RDKIT:
        return Chem.RWMol(Chem.RenumberAtoms(mol, order))


def _reason(message: str) -> Reason:
    return next((reason for text, reason in _MESSAGES.items() if text in message), Reason.SANITIZATION)
