"""Which atoms are bonded, as RDKit told before its release 2023.09.

Two atoms are when they are no farther apart than `REACH` times the sum of their covalent radii. RDKit 2023.09
changed both the radii and the rule (rdkit#6740), and refuses 5 % of QM9 since, mostly strained cages; the
published tables were made before.
"""

import numpy as np
from rdkit import Chem

from tutti.chemistry.bonds import graph
from tutti.chemistry.bonds.assignment import Bonds, Reason
from tutti.core.library_calls import RDKIT

REACH = 1.3
# Å, by atomic number from 1: `PeriodicTable.GetRcovalent` of RDKit 2023.03.3; those of light elements are of
# Meng and Lewis, J. Comput. Chem. 12, 891 (1991). Phosphorus alone is theirs instead: RDKit had 0.75, with
# which phosphine has no bonds; no published table has phosphorus.
_RADII = """
0.23 0.93 0.68 0.35 0.83 0.68 0.68 0.68 0.64 1.12 0.97 1.10 1.35 1.20 1.05 1.02 0.99 1.57 1.33 0.99
1.44 1.47 1.33 1.35 1.35 1.34 1.33 1.50 1.52 1.45 1.22 1.17 1.21 1.22 1.21 1.91 1.47 1.12 1.78 1.56
1.48 1.47 1.35 1.40 1.45 1.50 1.59 1.69 1.63 1.46 1.46 1.47 1.40 1.98 1.67 1.34 1.87 1.83 1.82 1.81
1.80 1.80 1.99 1.79 1.76 1.75 1.74 1.73 1.72 1.94 1.72 1.57 1.43 1.37 1.35 1.37 1.32 1.50 1.50 1.70
1.55 1.54 1.54 1.68 1.70 2.40 2.00 1.90 1.88 1.79 1.61 1.58 1.55 1.53 1.51 1.50 1.50 1.50 1.50 1.50
1.50 1.50 1.50 1.57 1.49 1.43 1.41 1.34 1.29 1.28 1.21 1.22 1.36 1.43 1.62 1.75 1.65 1.57
"""
RADII = np.array([np.nan, *map(float, _RADII.split())])
"""[119] Å, covalent radii by atomic number."""

# Carbon, oxygen, nitrogen, other elements, hydrogen, and in each the last of RDKit's canonical ranks first:
# with nitrogen before oxygen RDKit refuses nitro groups, with the first ranks first trinitroarenes.
_PLACES = np.full(256, 3)
_PLACES[[6, 8, 7, 1]] = 0, 1, 2, 4


def connected(numbers: np.ndarray, positions: np.ndarray, supported: frozenset[int]) -> Chem.RWMol | Reason:
    """The sample's atoms with single bonds between those that are bonded, or why there is no such molecule.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å.
        supported: elements that may occur.
    """
    mol = graph.unbonded(numbers, positions, supported)
    if not isinstance(mol, Reason):
        graph.add_bonds(mol, single_bonds(numbers, graph.distances(mol)))
    return mol


def single_bonds(numbers: np.ndarray, distances: np.ndarray) -> Bonds:
    """A single bond between all atoms that are close enough, sorted by atoms.

    Args:
        numbers: [n] uint8, atomic numbers.
        distances: [n, n] float, Å.
    """
    first, second = graph.pairs(len(numbers))
    radii = RADII[numbers]
    close = (distances[first, second] <= REACH * (radii[first] + radii[second])).nonzero()[0]
    return Bonds(first[close], second[close], np.ones(len(close)))


def canonical_order(mol: Chem.RWMol) -> list[int]:
    """[n] the atoms in an order that depends only on the elements and on who is bonded to whom.

    Atoms that only their places tell apart may change them with each other.
    """
    with RDKIT:
        mol.UpdatePropertyCache(strict=False)
        ranks = np.array(Chem.CanonicalRankAtoms(mol, breakTies=True), dtype=int)
        numbers = [mol.GetAtomWithIdx(i).GetAtomicNum() for i in range(mol.GetNumAtoms())]
    return np.lexsort((-ranks, _PLACES[numbers])).tolist()
