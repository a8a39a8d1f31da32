"""OpenBabel: connect the dots, perceive bond orders, and check every atom's explicit valence.

Method: O'Boyle et al., J. Cheminform. 3, 33 (2011). OpenBabel (GPL-2.0) is an optional extra.
"""

import numpy as np
from openbabel import openbabel
from rdkit import Chem, rdBase

from tutti.chemistry.bonds import graph
from tutti.chemistry.bonds.assignment import (
    ALLOWED_VALENCES,
    NO_BONDS,
    NOTHING,
    Assignment,
    Bonds,
    Known,
    Reason,
    has_allowed_valence,
)

openbabel.obErrorLog.StopLogging()  # OpenBabel can only be silenced for the whole process
_ELEMENTS = frozenset(ALLOWED_VALENCES)


def find_bonds(numbers: np.ndarray, positions: np.ndarray) -> Bonds:
    """Bonds of order 1, 2 and 3 by OpenBabel (kekulised), sorted by atoms.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å; finite.
    """
    mol = openbabel.OBMol()
    mol.BeginModify()
    for number, position in zip(numbers.tolist(), positions.tolist(), strict=True):
        atom = mol.NewAtom()
        atom.SetAtomicNum(number)
        atom.SetVector(*position)
    mol.EndModify()
    mol.ConnectTheDots()
    mol.PerceiveBondOrders()
    found = sorted(
        (*sorted((bond.GetBeginAtomIdx() - 1, bond.GetEndAtomIdx() - 1)), bond.GetBondOrder())
        for bond in openbabel.OBMolBondIter(mol)
    )
    if not found:
        return NO_BONDS
    first, second, order = np.array(found).T
    return Bonds(first, second, order.astype(float))


def assign(numbers: np.ndarray, positions: np.ndarray, known: Known = NOTHING) -> Assignment:
    """Bonds of one sample; valid when it has any and each atom's bond orders add up to an allowed valence.

    The SMILES is RDKit's of OpenBabel's bonds, not OpenBabel's own as in the published tables: only one
    canonicalisation makes the SMILES of different assigners comparable.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å.
    """
    if reason := graph.defect(numbers, positions, _ELEMENTS):
        return Assignment(reason)
    mol = graph.molecule(numbers, positions)
    if graph.has_overlap(mol):
        return Assignment(Reason.OVERLAPPING_ATOMS)
    bonds = find_bonds(numbers, positions)
    if not len(bonds):
        return Assignment(Reason.NO_BONDS)
    if not has_allowed_valence(numbers, bonds.valences(len(numbers))).all():
        return Assignment(Reason.VALENCE, bonds=bonds)
    graph.add_bonds(mol, bonds)
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(mol)
        except Chem.MolSanitizeException:
            return Assignment(Reason.SANITIZATION, bonds=bonds)
    return graph.accept(mol, bonds)
