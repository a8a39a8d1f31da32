"""Motions of a system as a whole, which are no vibrations."""

import ase
import numpy as np


def whole_motions(atoms: ase.Atoms) -> np.ndarray:
    """[3n, K] orthonormal basis, in mass-weighted coordinates, of translations and rotations.

    K is 3 for an atom and for a periodic system, which does not rotate; 5 for a linear molecule; else 6.
    """
    root = np.sqrt(atoms.get_masses())[:, None]
    motions = [np.broadcast_to(axis, atoms.positions.shape) for axis in np.eye(3)]
    if not atoms.pbc.any():
        centred = atoms.positions - atoms.get_center_of_mass()
        motions += [np.cross(axis, centred) for axis in np.eye(3)]
    weighted = np.stack([(root * motion).ravel() for motion in motions], axis=1)
    basis, sizes, _ = np.linalg.svd(weighted, full_matrices=False)
    return basis[:, sizes > 1e-6 * sizes[0]]
