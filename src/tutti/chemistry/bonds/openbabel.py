"""OpenBabel: connect the dots, perceive bond orders, and check every atom's explicit valence.

Method: O'Boyle et al., J. Cheminform. 3, 33 (2011). OpenBabel (GPL-2.0) is an optional extra.
"""

import numpy as np
from openbabel import openbabel
from rdkit import Chem

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
    spared,
)
from tutti.chemistry.bonds.connectivity import canonical_order, connected
from tutti.core.library_calls import RDKIT, Library

openbabel.obErrorLog.StopLogging()  # OpenBabel can only be silenced for the whole process
_ELEMENTS = frozenset(ALLOWED_VALENCES)
_OPEN_BABEL = Library("OpenBabel")


_WRITER = openbabel.OBConversion()
_WRITER.SetOutFormat("smi")


def find_bonds(numbers: np.ndarray, positions: np.ndarray) -> Bonds:
    """Bonds of order 1, 2 and 3 by OpenBabel (kekulised), sorted by atoms.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å; finite.
    """
    return _bonds(_perceived(numbers, positions))


def _perceived(numbers: np.ndarray, positions: np.ndarray) -> openbabel.OBMol:
    with _OPEN_BABEL:
        mol = openbabel.OBMol()
        mol.BeginModify()
        for number, position in zip(numbers.tolist(), positions.tolist(), strict=True):
            atom = mol.NewAtom()
            atom.SetAtomicNum(number)
            atom.SetVector(*position)
        mol.EndModify()
        mol.ConnectTheDots()
        mol.PerceiveBondOrders()
    return mol


def _bonds(mol: openbabel.OBMol) -> Bonds:
    with _OPEN_BABEL:
        bonds = [
            mol.GetBond(i) for i in range(mol.NumBonds())
        ]  # OpenBabel's own iterator takes twice as long
        ends = [(bond.GetBeginAtomIdx() - 1, bond.GetEndAtomIdx() - 1) for bond in bonds]
        orders = [bond.GetBondOrder() for bond in bonds]
    if not bonds:
        return NO_BONDS
    first, second = np.sort(np.array(ends), axis=1).T
    by_atoms = np.lexsort((second, first))
    return Bonds(first[by_atoms], second[by_atoms], np.array(orders, dtype=float)[by_atoms])


@spared
def assign(numbers: np.ndarray, positions: np.ndarray, known: Known = NOTHING) -> Assignment:
    """Bonds of one sample; valid when it has any and each atom's bond orders add up to an allowed valence.

    OpenBabel's bond orders depend on the order of the atoms, so they are sorted first (see
    `tutti.chemistry.bonds.connectivity.canonical_order`). The SMILES is RDKit's of OpenBabel's bonds: only
    one canonicalisation makes the SMILES of different assigners comparable. The published SMILES is
    OpenBabel's own, which is not canonical, of the atoms in their order in the file.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å.
        known: a charge is refused: the valences are those of uncharged atoms.
    """
    if known.charge:
        return Assignment(Reason.CHARGE)
    mol = connected(numbers, positions, _ELEMENTS)
    if isinstance(mol, Reason):
        return Assignment(mol)
    published = _published_smiles(numbers, positions)
    order = np.array(canonical_order(mol))
    bonds = find_bonds(numbers[order], positions[order]).renumbered(order)
    if not len(bonds):
        return Assignment(Reason.NO_BONDS, published_smiles=published)
    if not has_allowed_valence(numbers, bonds.valences(len(numbers))).all():
        return Assignment(Reason.VALENCE, bonds=bonds, published_smiles=published)
    mol = graph.molecule(numbers, positions)
    graph.add_bonds(mol, bonds)
    with RDKIT:
        try:
            Chem.SanitizeMol(mol)
        except Chem.MolSanitizeException:
            return Assignment(Reason.SANITIZATION, bonds=bonds, published_smiles=published)
    return graph.accept(mol, bonds, published)


def _published_smiles(numbers: np.ndarray, positions: np.ndarray) -> str | None:
    mol = _perceived(numbers, positions)
    bonds = _bonds(mol)
    if not len(bonds) or not has_allowed_valence(numbers, bonds.valences(len(numbers))).all():
        return None
    with _OPEN_BABEL:
        return _WRITER.WriteString(mol).split()[0]
