"""Hand-made samples for the tests of bond assignment."""

import numpy as np

ASSIGNERS = ["xyz2mol", "xyz2mol_rdkit", "openbabel", "lookup"]


def sample(numbers, positions) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(numbers, dtype=np.uint8), np.asarray(positions, dtype=float).reshape(-1, 3)


def together(*samples, spacing: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    """Samples side by side along x, `spacing` Å apart."""
    shifted = [x + np.array([i * spacing, 0, 0]) for i, (_, x) in enumerate(samples)]
    return sample(np.concatenate([z for z, _ in samples]), np.concatenate(shifted))
