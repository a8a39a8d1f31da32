"""What occurs in two parts of a dataset: identical structures, and the same SMILES."""

from collections.abc import Iterator
from itertools import combinations, islice
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from tutti.core.structures import Structures

# Å. Copies of a molecule that were relaxed independently differ by less; distinct ones differ by more: in
# the 7,101 molecules of QM7 the same 15 pairs are found for any tolerance from 0.001 to 0.1.
TOLERANCE = 0.01
EXAMPLES = 10
CANDIDATES = 8
CHUNK_PAIRS = 2_000_000


def leakage(structures: Structures, parts: dict[str, np.ndarray]) -> dict[str, Any]:
    """What occurs in two parts at once.

    Two structures count as identical when they have the same elements and the sorted lists of their
    distances, one for each pair of elements, agree within TOLERANCE: then they are the same up to rotation,
    translation, reflection and the order of atoms. Periodic images are not considered: a copy wrapped
    otherwise is not found.

    Args:
        structures: the dataset.
        parts: indices of each part.

    Returns:
        {"tolerance": Å, "structures": {"train-test": {"count", "examples"}, ...}, "smiles": likewise, where
        the dataset has a column `smiles`}: how many structures of the second part have their like in the
        first, and up to ten index pairs (in the first, in the second).
    """
    pairs = list(combinations(parts, 2))
    found: dict[str, dict[str, list]] = {"structures": {f"{a}-{b}": [] for a, b in pairs}}
    for rows, prints in _fingerprints(structures):
        inside = {name: np.isin(rows, part) for name, part in parts.items()}
        for a, b in pairs:
            near = _candidates(prints[inside[a]], prints[inside[b]])
            hits = _confirmed(structures, rows[inside[a]], rows[inside[b]], near)
            found["structures"][f"{a}-{b}"] += hits
    if "smiles" in structures.columns:
        found["smiles"] = {f"{a}-{b}": _same_smiles(structures, parts[a], parts[b]) for a, b in pairs}
    return {"tolerance": TOLERANCE} | {
        kind: {
            pair: {"count": len(hits), "examples": sorted(hits)[:EXAMPLES]} for pair, hits in by_pair.items()
        }
        for kind, by_pair in found.items()
    }


def _candidates(known: np.ndarray, new: np.ndarray) -> np.ndarray:
    """[len(new), CANDIDATES] rows of `known` nearest to each of the new fingerprints; len(known) for none."""
    if not len(known) or not len(new):
        return np.full((len(new), CANDIDATES), len(known))
    return cKDTree(known).query(new, k=CANDIDATES, p=np.inf, distance_upper_bound=TOLERANCE)[1]


def _confirmed(
    structures: Structures, known: np.ndarray, new: np.ndarray, candidates: np.ndarray
) -> list[list[int]]:
    """[index in `known`, index in `new`] of each of the new structures that has an identical candidate."""
    hits = []
    for row in np.flatnonzero((candidates < len(known)).any(axis=1)):
        options = known[candidates[row][candidates[row] < len(known)]]
        same = (i for i in options if _identical(structures.frame(i), structures.frame(new[row])))
        hits += [[int(i), int(new[row])] for i in islice(same, 1)]
    return hits


def _identical(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether two structures of the same elements have the same distances."""
    difference = _sorted_distances(*first) - _sorted_distances(*second)
    return np.abs(difference).max(initial=0) <= TOLERANCE


def _sorted_distances(numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """[n (n - 1) / 2] distances (Å) of all pairs of atoms, sorted by the pair's elements and by distance."""
    i, j = np.triu_indices(len(numbers), 1)
    elements = np.sort(np.column_stack([numbers[i], numbers[j]]), axis=1)
    distances = np.linalg.norm(positions[i] - positions[j], axis=1)
    return distances[np.lexsort([distances, elements[:, 0], elements[:, 1]])]


def _same_smiles(structures: Structures, known: np.ndarray, new: np.ndarray) -> list[list[int]]:
    smiles = structures.columns["smiles"]
    first = {text: index for text, index in zip(smiles[known].tolist(), known.tolist(), strict=True) if text}
    texts = zip(smiles[new].tolist(), new.tolist(), strict=True)
    return [[first[text], index] for text, index in texts if text in first]


def _fingerprints(structures: Structures) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Descriptions that agree within TOLERANCE (Å) in every component for identical structures.

    Per atom, the mean and the root mean square of its distances to the others, each list sorted within an
    element; the element is part of every component (1000 times its atomic number), so that different
    compositions are far apart.

    Yields:
        (rows [M], descriptions [M, 2n]) for each number n of atoms that occurs.
    """
    for n in np.unique(structures.n_atoms):
        rows = np.flatnonzero(structures.n_atoms == n)
        step = max(1, CHUNK_PAIRS // max(1, n * n))
        chunks = [_moments(structures, rows[i : i + step], n) for i in range(0, len(rows), step)]
        yield rows, np.concatenate(chunks)


def _moments(structures: Structures, rows: np.ndarray, n: int) -> np.ndarray:
    atoms = structures.atom_rows(rows)
    positions = structures.positions[atoms].reshape(len(rows), n, 3)
    elements = 1000.0 * structures.numbers[atoms].reshape(len(rows), n)
    squares = ((positions[:, :, None] - positions[:, None]) ** 2).sum(-1)  # [M, n, n]
    others = max(1, n - 1)
    moments = np.sqrt(squares).sum(-1) / others, np.sqrt(squares.sum(-1) / others)
    return np.concatenate([np.sort(elements + moment, axis=1) for moment in moments], axis=1)
