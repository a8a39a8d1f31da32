"""Molecules whose geometry is known."""

import ase.build
import numpy as np


def known(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers and positions of a molecule of ASE's collection."""
    atoms = ase.build.molecule(name)
    return atoms.numbers.astype(np.uint8), atoms.positions
