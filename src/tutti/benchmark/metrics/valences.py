"""Valences that an atom may have by its element and formal charge, and how many atoms have one.

Tables of stability that know no charges call the nitrogen of a nitro group or of ammonium unstable, and
implementations that count an aromatic bond as a single one accept wrong atoms (Nikitin et al., "GEOM-Drugs
Revisited", 2025). Here bonds are kekulised, so that every order is whole, and an atom of element Z with
charge q may have the valences that RDKit's periodic table has for the element Z - q, which has as many
electrons (N⁺ as C, O⁻ as F, S⁺ as P); -1 in that table stands for any. For the elements of organic molecules:

| | -1 | 0 | +1 |
|---|---|---|---|
| H | 0 | 1 | 0 |
| B | 4 | 3 | 2 |
| C | 3 | 4 | 3 |
| N | 2 | 3 | 4 |
| O | 1 | 2 | 3 |
| F | 0 | 1 | 2 |
| Si | 3, 5 | 4 | 3 |
| P | 2, 4, 6 | 3, 5 | 4 |
| S | 1 | 2, 4, 6 | 3, 5 |
| Cl | 0 | 1 | 2, 4, 6 |
| Br | 0 | 1 | 2, 4, 6 |
| I | 0, 2, 4, 6 | 1, 3, 5 | 2, 4, 6 |
"""

from functools import cache

import numpy as np
from rdkit import Chem

from tutti.core.library_calls import RDKIT

ANY = -1


@cache
def allowed(number: int, charge: int) -> frozenset[int]:
    """Valences of an element with a formal charge; empty where there is no such element, `ANY`: no limit."""
    alike = number - charge
    if alike == 0:
        return frozenset({0})  # a bare nucleus of hydrogen
    table = Chem.GetPeriodicTable()
    return frozenset(table.GetValenceList(alike)) if 0 < alike <= table.GetMaxAtomicNumber() else frozenset()


def is_stable(number: int, charge: int, valence: float) -> bool:
    """Whether an atom has an allowed valence."""
    known = allowed(number, charge)
    return valence in known or ANY in known


def unstable_atoms(smiles: str) -> int:
    """Atoms of a valid molecule without an allowed valence, from its canonical SMILES.

    The SMILES of the verdicts writes every atom with a charge, unpaired electrons or too few hydrogens in
    brackets: one without brackets has none.
    """
    if "[" not in smiles:
        return 0
    with RDKIT:
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
        mol.UpdatePropertyCache(strict=False)
        Chem.Kekulize(mol, clearAromaticFlags=True)
        mol.UpdatePropertyCache(strict=False)
        return sum(
            not is_stable(atom.GetAtomicNum(), atom.GetFormalCharge(), atom.GetTotalValence())
            for atom in mol.GetAtoms()
        )


def stable_atoms(numbers: np.ndarray, charges: np.ndarray, valences: np.ndarray) -> np.ndarray:
    """[n] bool: which of n atoms have an allowed valence; an aromatic order of 1.5 has no place in it."""
    return np.array([is_stable(*atom) for atom in zip(numbers, charges, valences, strict=True)], bool)
