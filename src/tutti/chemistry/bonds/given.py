"""The bonds and formal charges that a sample's file brings (SD files, mol2), judged as they are.

For generators that make bonds themselves, and for samples without hydrogens. Of the positions nothing is
asked but that they are there: what they say is for the other assigners.
"""

from dataclasses import replace

import numpy as np
from rdkit import Chem

from tutti.chemistry.bonds import graph
from tutti.chemistry.bonds.assignment import NOTHING, Assignment, Bonds, Known, Reason, spared
from tutti.core.elements import HYDROGEN
from tutti.core.library_calls import RDKIT

NEEDS_HYDROGENS = False
"""Samples without any hydrogen atom are judged too: theirs are implied, as the formats have it."""


@spared
def assign(numbers: np.ndarray, positions: np.ndarray, known: Known = NOTHING) -> Assignment:
    """The molecule that a file says; valid when it has any bond and RDKit's `SanitizeMol` accepts the whole.

    In a sample with hydrogen atoms every missing one is an open valence, which makes a radical. In one
    without, hydrogens are implied at open valences, and no radical is seen. The bonds of a valid molecule are
    RDKit's, with aromatic ones 1.5 as by `xyz2mol`; otherwise they are as given.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å.
        known: bonds and formal charges; the total charge is their sum.
    """
    mol = graph.unbonded(numbers, positions, graph.ELEMENTS)
    if isinstance(mol, Reason):
        return Assignment(mol)
    bonds = known.bonds
    if bonds is None or not len(bonds):
        return Assignment(Reason.NO_BONDS)
    has_hydrogens = bool((numbers == HYDROGEN).any())
    _add(mol, bonds, known.formal_charges, has_hydrogens)
    with RDKIT:
        try:
            Chem.SanitizeMol(mol)
        except Chem.AtomValenceException:
            return Assignment(Reason.VALENCE, bonds=bonds)
        except Chem.MolSanitizeException:
            return Assignment(Reason.SANITIZATION, bonds=bonds)
    verdict = graph.accept(mol, graph.bonds_of(mol))
    return verdict if has_hydrogens else replace(verdict, no_radicals=True)


def _add(mol: Chem.RWMol, bonds: Bonds, charges: np.ndarray | None, has_hydrogens: bool) -> None:
    """Add bonds and formal charges to a molecule, which implies no hydrogens where it has some."""
    graph.add_bonds(mol, bonds)
    formal = [0] * mol.GetNumAtoms() if charges is None else charges.tolist()
    with RDKIT:
        for atom, charge in zip(mol.GetAtoms(), formal, strict=True):
            atom.SetFormalCharge(charge)
            atom.SetNoImplicit(has_hydrogens)
