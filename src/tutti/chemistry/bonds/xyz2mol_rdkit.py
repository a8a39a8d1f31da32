"""xyz2mol as the installed RDKit has it: its own rule of who is bonded, then bond orders.

Its verdicts change with RDKit's version, which is named wherever they are shown.
"""

import numpy as np
from rdkit.Chem import rdDetermineBonds

from tutti.chemistry.bonds import graph
from tutti.chemistry.bonds.assignment import NOTHING, Assignment, Known, Reason, spared
from tutti.chemistry.bonds.perception import perceive
from tutti.core.library_calls import RDKIT


@spared
def assign(numbers: np.ndarray, positions: np.ndarray, known: Known = NOTHING) -> Assignment:
    """Bonds of one sample; valid when RDKit raises no error and there is at least one bond.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å.
        known: its charge counts.
    """
    mol = graph.unbonded(numbers, positions, graph.ELEMENTS)
    if isinstance(mol, Reason):
        return Assignment(mol)
    with RDKIT:
        rdDetermineBonds.DetermineConnectivity(mol)
    found = perceive(mol, known.charge)
    return Assignment(found) if isinstance(found, Reason) else graph.accept(found, graph.bonds_of(found))
