"""RDKit's port of xyz2mol: connect the dots, then bond orders for a total charge of zero.

Method: Kim and Kim, Bull. Korean Chem. Soc. 36, 1769 (2015); default options, as in the published tables.
"Valid" is permissive by that definition: separate molecules, CH2 and zwitterions pass.
"""

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdDetermineBonds

from tutti.chemistry.bonds import graph
from tutti.chemistry.bonds.assignment import NOTHING, Assignment, Known, Reason

# RDKit itself refuses those of them that it has no valences for.
_ELEMENTS = frozenset(range(1, graph.MAX_NUMBER + 1))
# How RDKit's messages begin, or what they contain; anything else that it refuses is a failed sanitisation.
_MESSAGES = {
    "has no valences defined": Reason.UNSUPPORTED_ELEMENT,
    "Final molecular charge": Reason.CHARGE,
    "Unable to determine valence": Reason.VALENCE,
}


def assign(numbers: np.ndarray, positions: np.ndarray, known: Known = NOTHING) -> Assignment:
    """Bonds of one sample; valid when RDKit raises no error and there is at least one bond.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å.
    """
    mol = molecule(numbers, positions)
    return Assignment(mol) if isinstance(mol, Reason) else graph.accept(mol, graph.bonds_of(mol))


def molecule(numbers: np.ndarray, positions: np.ndarray) -> Chem.RWMol | Reason:
    """The sanitised molecule that RDKit sees in a sample, with its conformer, or why there is none.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å.
    """
    if reason := graph.defect(numbers, positions, _ELEMENTS):
        return reason
    mol = graph.molecule(numbers, positions)
    if graph.has_overlap(mol):
        return Reason.OVERLAPPING_ATOMS
    with rdBase.BlockLogs():
        try:
            rdDetermineBonds.DetermineBonds(mol, charge=0)
        except ValueError as error:
            return _reason(str(error))
        except RuntimeError:  # a violated invariant inside RDKit
            return Reason.LIBRARY_ERROR
    return mol if mol.GetNumBonds() else Reason.NO_BONDS


def _reason(message: str) -> Reason:
    return next((reason for text, reason in _MESSAGES.items() if text in message), Reason.SANITIZATION)
