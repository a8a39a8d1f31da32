"""RDKit molecules: made from samples and bonds, and what is read off them. Shared by all assigners."""

from functools import lru_cache

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdqueries

from tutti.chemistry.bonds.assignment import Assignment, Bonds, Reason
from tutti.core.library_calls import RDKIT

# Two atoms closer than this (Å) stand on one spot; no bond is shorter than H2's 0.74.
OVERLAP = 0.1
MAX_NUMBER = 118
ELEMENTS = frozenset(range(1, MAX_NUMBER + 1))
"""All, for methods that refuse by themselves those that they do not know."""
# The overlap test and the bond-length table need n x n matrices, 32 MB each for so many atoms. Generators of
# molecules stay far below; a runaway sample must not take the memory of the whole run.
MAX_ATOMS = 2000
# AddAtom copies its argument, and copying is faster than making an atom from its number.
_ATOMS = [Chem.Atom(number) for number in range(MAX_NUMBER + 1)]
for _atom in _ATOMS:
    _atom.SetNoImplicit(True)  # all hydrogens of a sample are atoms of it
_NO_HYDROGENS = Chem.RemoveHsParameters()
_NO_HYDROGENS.showWarnings = False  # that a lone hydrogen stays
_NO_HYDROGENS.removeDefiningBondStereo = True  # or that of an imine would stay where stereo was perceived
_BOND_TYPES = {
    1.0: Chem.BondType.SINGLE,
    1.5: Chem.BondType.AROMATIC,
    2.0: Chem.BondType.DOUBLE,
    3.0: Chem.BondType.TRIPLE,
}
_CHARGED = Chem.AtomFromSmarts("[!+0]")
_WITH_IMPLICIT_HYDROGENS = Chem.AtomFromSmarts("[h]")
_OPEN_SHELL = rdqueries.NumRadicalElectronsGreaterQueryAtom(0)


def defect(numbers: np.ndarray, positions: np.ndarray, supported: frozenset[int]) -> Reason | None:
    """What keeps a sample from being given to a library that knows the elements `supported`, or None."""
    if len(numbers) == 0:
        return Reason.NO_ATOMS
    if len(numbers) > MAX_ATOMS:
        return Reason.TOO_MANY_ATOMS
    if not np.isfinite(positions).all():
        return Reason.NON_FINITE_COORDINATES
    if not supported.issuperset(numbers.tolist()):
        return Reason.UNSUPPORTED_ELEMENT
    return None


def unbonded(numbers: np.ndarray, positions: np.ndarray, supported: frozenset[int]) -> Chem.RWMol | Reason:
    """The sample's atoms without bonds, none on another's spot, or why they can be no molecule.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å.
        supported: elements that may occur.
    """
    if reason := defect(numbers, positions, supported):
        return reason
    mol = molecule(numbers, positions)
    return Reason.OVERLAPPING_ATOMS if has_overlap(mol) else mol


def molecule(numbers: np.ndarray, positions: np.ndarray) -> Chem.RWMol:
    """The sample's atoms at their positions, without bonds."""
    atoms, positions = [_ATOMS[number] for number in numbers.tolist()], np.ascontiguousarray(positions, float)
    with RDKIT:
        mol = Chem.RWMol()
        for atom in atoms:
            mol.AddAtom(atom)
        conformer = Chem.Conformer(len(atoms))
        conformer.SetPositions(positions)
        mol.AddConformer(conformer, assignId=False)
    return mol


def distances(mol: Chem.Mol) -> np.ndarray:
    """[n, n] float, Å: between the atoms of a molecule with one conformer."""
    with RDKIT:
        return Chem.Get3DDistanceMatrix(mol)


def pairs(n_atoms: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of atoms, each once: first [n (n - 1) / 2] and second, always above the first."""
    # Kept for the sizes of usual molecules only: those of the largest have 32 MB.
    return _kept_pairs(n_atoms) if n_atoms <= 200 else np.triu_indices(n_atoms, 1)


@lru_cache(maxsize=64)
def _kept_pairs(n_atoms: int) -> tuple[np.ndarray, np.ndarray]:
    return np.triu_indices(n_atoms, 1)


def has_overlap(mol: Chem.Mol) -> bool:
    """Whether two atoms stand on one spot."""
    return np.count_nonzero(distances(mol) < OVERLAP) > mol.GetNumAtoms()


def add_bonds(mol: Chem.RWMol, bonds: Bonds) -> None:
    """Add bonds to a molecule without any; the atoms of aromatic ones (order 1.5) become aromatic too."""
    types = [_BOND_TYPES[order] for order in bonds.order.tolist()]
    found = list(zip(bonds.first.tolist(), bonds.second.tolist(), types, strict=True))
    with RDKIT:
        for first, second, kind in found:
            mol.AddBond(first, second, kind)


def bonds_of(mol: Chem.Mol) -> Bonds:
    """The bonds of a molecule, sorted by atoms."""
    with RDKIT:
        orders = Chem.GetAdjacencyMatrix(mol, useBO=True)
    rows, columns = orders.nonzero()
    upper = rows < columns
    first, second = rows[upper], columns[upper]
    return Bonds(first, second, orders[first, second])


def smiles(mol: Chem.Mol) -> str:
    """Canonical SMILES of the constitution: RDKit's, hydrogens implied, without stereo marks.

    Without them because the bond-length table perceives no stereochemistry, so that a SMILES means the same
    whichever assigner found it, and because a mirror image is no new molecule for a generator whose density
    is invariant to reflection.
    """
    with RDKIT:
        return Chem.MolToSmiles(Chem.RemoveHs(mol, _NO_HYDROGENS, sanitize=False), isomericSmiles=False)


def has_implicit_hydrogens(mol: Chem.Mol) -> bool:
    """Whether an atom of a sanitised molecule has hydrogens that are no atoms."""
    with RDKIT:
        return bool(mol.GetAtomsMatchingQuery(_WITH_IMPLICIT_HYDROGENS))


def ring_sizes(mol: Chem.Mol, n_fragments: int) -> tuple[int, ...]:
    """Atoms in each ring of the SSSR (smallest set of smallest rings), ascending.

    Args:
        mol: sanitised molecule.
        n_fragments: pieces that it is in.
    """
    n_rings = mol.GetNumBonds() - mol.GetNumAtoms() + n_fragments  # independent cycles
    if not n_rings:
        return ()
    with RDKIT:
        rings = mol.GetRingInfo().AtomRings()
        # Sanitisation found the symmetrised set, which is the SSSR in nearly all molecules; searching costs
        # more.
        if len(rings) > n_rings:
            rings = Chem.GetSSSR(Chem.Mol(mol))  # of a copy, because it replaces the rings of its argument
    return tuple(sorted(map(len, rings)))


def accept(mol: Chem.Mol, bonds: Bonds, published_smiles: str | None = None) -> Assignment:
    """The verdict on a molecule found valid.

    Args:
        mol: sanitised molecule.
        bonds: its bonds, in the orders to report.
        published_smiles: see `Assignment`.
    """
    text = smiles(mol)
    with RDKIT:
        charged, open_shells = (mol.GetAtomsMatchingQuery(query) for query in (_CHARGED, _OPEN_SHELL))
    return Assignment(
        reason=Reason.VALID,
        smiles=text,
        published_smiles=published_smiles,
        bonds=bonds,
        connected="." not in text,
        neutral_atoms=not charged,
        no_radicals=not open_shells,
        ring_sizes=ring_sizes(mol, text.count(".") + 1),
    )
