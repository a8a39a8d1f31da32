"""Whether a sample's hydrogens were left out, so that nobody can tell its bond orders."""

import numpy as np
from ase.data import covalent_radii

from tutti.chemistry.bonds import graph

VALENCE_OF_CARBON = 4
# Å: how much shorter a bond of order e is than one of order 1. Pauling, J. Am. Chem. Soc. 69, 542 (1947):
# d(n) = d(1) - 0.71 Å log10(n).
_PAULING = 0.71 / np.log(10)
# Bonds longer than this times the single bond's length are none.
_REACH = 1.3
# Open valences of carbon that are too many: QM9's molecules without hydrogens have 0.3 in all at most, the
# skeletons of 99 % of the others more than 1.7.
_FEW = 0.6


def lacks_hydrogens(numbers: np.ndarray, positions: np.ndarray) -> bool:
    """Whether a sample without hydrogen atoms is the skeleton of a molecule that has some.

    It is when the lengths of its carbons' bonds leave valences open: those of benzene's skeleton do, those of
    hexafluorobenzene, carbon dioxide and fullerene do not. Of two atoms it cannot be told, as carbon monoxide
    has an open valence too.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å; finite.
    """
    if (numbers == 1).any() or not 2 < len(numbers) <= graph.MAX_ATOMS:
        return False
    from scipy.spatial.distance import cdist  # as slow to import as all else here, for few samples

    single = covalent_radii[numbers][:, None] + covalent_radii[numbers]
    distances = cdist(positions, positions)
    orders = np.where(distances < _REACH * single, np.exp((single - distances) / _PAULING), 0)
    np.fill_diagonal(orders, 0)
    missing = VALENCE_OF_CARBON - orders[numbers == 6].sum(axis=1)
    return bool(np.clip(missing, 0, None).sum() > _FEW)
