"""Bond orders from a table of bond lengths, and the stability of atoms and molecules that follows from them.

Method and table: Hoogeboom et al., "Equivariant Diffusion for Molecule Generation in 3D", ICML 2022. The
lengths are those of wiredchemist.com/chemistry/data/bond_energies_lengths.html (from Huheey, "Inorganic
Chemistry", appendix, and Cottrell, "The Strengths of Chemical Bonds"), which that work cites too; the
tolerances were tuned on QM9, so that other elements than H, C, N, O, F are less certain.
"""

from dataclasses import replace

import numpy as np
from rdkit import Chem

from tutti.chemistry.bonds import graph
from tutti.chemistry.bonds.assignment import (
    NOTHING,
    Assignment,
    Bonds,
    Known,
    Reason,
    has_allowed_valence,
    spared,
)
from tutti.chemistry.bonds.connectivity import RADII
from tutti.core.library_calls import RDKIT, LibraryError

# Typical lengths (pm) by bond order; a pair that is not listed forms no such bond.
LENGTHS: dict[int, dict[str, int]] = {
    1: {
        **{"H-H": 74, "H-B": 119, "H-C": 109, "H-N": 101, "H-O": 96, "H-F": 92, "H-Si": 148, "H-P": 144},
        **{"H-S": 134, "H-Cl": 127, "H-As": 152, "H-Br": 141, "H-I": 161, "B-Cl": 175, "C-C": 154},
        **{"C-N": 147, "C-O": 143, "C-F": 135, "C-Si": 185, "C-P": 184, "C-S": 182, "C-Cl": 177},
        **{"C-Br": 194, "C-I": 214, "N-N": 145, "N-O": 140, "N-F": 136, "N-P": 177, "N-S": 168},
        **{"N-Cl": 175, "N-Br": 214, "N-I": 222, "O-O": 148, "O-F": 142, "O-Si": 163, "O-P": 163},
        **{"O-S": 151, "O-Cl": 164, "O-Br": 172, "O-I": 194, "F-F": 142, "F-Si": 160, "F-P": 156},
        **{"F-S": 158, "F-Cl": 166, "F-Br": 178, "F-I": 187, "Si-Si": 233, "Si-S": 200, "Si-Cl": 202},
        **{"Si-Br": 215, "Si-I": 243, "P-P": 221, "P-S": 210, "P-Cl": 203, "P-Br": 222, "S-S": 204},
        **{"S-Cl": 207, "S-Br": 225, "S-I": 234, "Cl-Cl": 199, "Cl-Br": 214, "Br-Br": 228, "I-I": 266},
    },
    2: {
        **{"C-C": 134, "C-N": 129, "C-O": 120, "C-S": 160, "N-N": 125, "N-O": 121, "O-O": 121},
        **{"O-P": 150, "P-S": 186},
    },
    3: {"C-C": 120, "C-N": 116, "C-O": 113, "N-N": 110},
}
# How much longer (pm) a bond of each order may be.
TOLERANCES = {1: 10, 2: 5, 3: 3}


def _limits(order: int) -> np.ndarray:
    """[119, 119] float, Å: atoms closer than this have a bond of at least `order`; 0 where there is none."""
    limits = np.zeros((graph.MAX_NUMBER + 1,) * 2)
    table = Chem.GetPeriodicTable()
    for pair, length in LENGTHS[order].items():
        first, second = (table.GetAtomicNumber(symbol) for symbol in pair.split("-"))
        limits[first, second] = limits[second, first] = (length + TOLERANCES[order]) / 100
    return limits


_LIMITS = np.stack([_limits(order) for order in (1, 2, 3)])
_ELEMENTS = frozenset(_LIMITS.any(axis=(0, 1)).nonzero()[0].tolist())
# Atoms of a pair that the table does not have, closer than this times the sum of their covalent radii, have a
# bond whose order cannot be known. Bonds are within it, atoms with a common neighbour beyond.
_BONDED = 1.15


def find_bonds(numbers: np.ndarray, distances: np.ndarray) -> Bonds:
    """Bonds of order 1, 2 and 3 by the table, sorted by atoms.

    Args:
        numbers: [n] uint8, atomic numbers up to 118.
        distances: [n, n] float, Å.
    """
    first, second = graph.pairs(len(numbers))
    # A bond of order 3 lies below all three limits, one of order 2 below the first two.
    orders = (distances[first, second] < _LIMITS[:, numbers[first], numbers[second]]).sum(axis=0)
    bonded = orders.nonzero()[0]
    return Bonds(first[bonded], second[bonded], orders[bonded].astype(float))


@spared
def assign(numbers: np.ndarray, positions: np.ndarray, known: Known = NOTHING) -> Assignment:
    """Bonds of one sample; valid when it has any and RDKit's `SanitizeMol` accepts the whole molecule.

    As in the original, an atom may have too few bonds (`no_radicals` is False then; the SMILES keeps it
    open), and the SMILES is that of the largest fragment. Unlike there, a sample without any bond is not
    valid, and one whose bonds the table does not know has the reason `unsupported_element`.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å.
        known: a charge is refused: the valences are those of uncharged atoms.
    """
    if known.charge:
        return _unstable(Reason.CHARGE)
    mol = graph.unbonded(numbers, positions, _ELEMENTS)
    if isinstance(mol, Reason):
        return _unstable(mol)
    distances = graph.distances(mol)
    if _has_unknown_bond(numbers, distances):
        return _unstable(Reason.UNSUPPORTED_ELEMENT)
    bonds = find_bonds(numbers, distances)
    stable = has_allowed_valence(numbers, bonds.valences(len(numbers)))
    return replace(
        _judge(mol, bonds), n_stable_atoms=int(np.count_nonzero(stable)), molecule_stable=bool(stable.all())
    )


def _unstable(reason: Reason) -> Assignment:
    return Assignment(reason, n_stable_atoms=0, molecule_stable=False)


def _has_unknown_bond(numbers: np.ndarray, distances: np.ndarray) -> bool:
    """Whether two atoms are bonded of whose elements the table has no length."""
    first, second = graph.pairs(len(numbers))
    unknown = _LIMITS[0][numbers[first], numbers[second]] == 0
    first, second = first[unknown], second[unknown]
    reach = _BONDED * (RADII[numbers[first]] + RADII[numbers[second]])
    return bool((distances[first, second] < reach).any())


def _judge(mol: Chem.RWMol, bonds: Bonds) -> Assignment:
    try:
        return _sanitised(mol, bonds)
    except LibraryError as error:
        return Assignment(Reason.LIBRARY_ERROR, bonds=bonds, message=str(error))


def _sanitised(mol: Chem.RWMol, bonds: Bonds) -> Assignment:
    graph.add_bonds(mol, bonds)
    with RDKIT:
        completed = Chem.RWMol(mol)
        for i in range(completed.GetNumAtoms()):  # RDKit's own iterator takes twice as long
            completed.GetAtomWithIdx(i).SetNoImplicit(False)
        try:
            Chem.SanitizeMol(completed)
            published = Chem.MolToSmiles(_largest_fragment(completed))
            if not len(bonds):
                return Assignment(Reason.NO_BONDS, published_smiles=published)
            if graph.has_implicit_hydrogens(completed):
                Chem.SanitizeMol(mol)
            else:
                mol = completed
        except Chem.AtomValenceException:
            return Assignment(Reason.VALENCE, bonds=bonds)
        except Chem.MolSanitizeException:
            return Assignment(Reason.SANITIZATION, bonds=bonds)
    verdict = graph.accept(mol, bonds, published)
    return verdict if verdict.connected else replace(verdict, smiles=graph.smiles(_largest_fragment(mol)))


def _largest_fragment(mol: Chem.Mol) -> Chem.Mol:
    with RDKIT:
        if len(Chem.GetMolFrags(mol)) == 1:
            return mol
        return max(Chem.GetMolFrags(mol, asMols=True), key=Chem.Mol.GetNumAtoms)
