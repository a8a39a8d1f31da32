"""Optimal transport within a molecule: noise is permuted and turned towards the atoms it becomes."""

import numpy as np
from scipy.optimize import linear_sum_assignment

ROUNDS = 10
"""Of assignment and turn, at most: further ones gain less than 1e-4 of the squared distances on QM9."""


def align(noise: np.ndarray, positions: np.ndarray, n_atoms: np.ndarray) -> np.ndarray:
    """The noise of each molecule, permuted, turned and perhaps reflected, close to its atoms.

    The sum of squared distances is minimised in turn over permutations (the Hungarian method) and over
    orthogonal matrices (Kabsch), each exactly, until no permutation changes (Klein et al. 2023, Song et al.
    2023); what is found is a local minimum. Reflections are among the matrices, since the network does not
    tell mirror images apart. Types have no part in it: their noise is independent of the positions', so that
    it is as likely in any order.

    Args:
        noise, positions: [ΣN, 3], both centred in each molecule.
        n_atoms: [B].

    Returns:
        [ΣN, 3] float64; as it was where positions are not finite.
    """
    within = np.arange(n_atoms.max()) < n_atoms[:, None]
    moved, target = np.zeros((2, *within.shape, 3))
    moved[within], target[within] = noise, positions
    left = np.flatnonzero(np.isfinite(target).all(axis=(1, 2)))
    for k in range(ROUNDS):
        changed = _assign(moved, target, n_atoms, left)
        # An order that was the best one at first need not be after the first turn.
        left = left if k == 0 else left[changed]
        if not len(left):
            break
        moved[left] = turn(moved[left], target[left])
    return moved[within]


def _assign(moved: np.ndarray, target: np.ndarray, n_atoms: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Permute the rows of `moved` [B, N, 3] of the molecules `left`, in place; whether each changed."""
    overlaps = target[left] @ moved[left].transpose(0, 2, 1)
    changed = np.zeros(len(left), dtype=bool)
    for k, (i, overlap) in enumerate(zip(left, overlaps, strict=True)):
        n = n_atoms[i]
        order = linear_sum_assignment(overlap[:n, :n], maximize=True)[1]
        changed[k] = (order != np.arange(n)).any()
        moved[i, :n] = moved[i, order]
    return changed


def turn(moved: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`moved` [B, N, 3] times the orthogonal matrices that bring it closest to `target` [B, N, 3]."""
    left, _, right = np.linalg.svd(moved.transpose(0, 2, 1) @ target)
    return moved @ (left @ right)
