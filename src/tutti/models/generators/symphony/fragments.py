"""Fragments of molecules and their next atom: what Symphony learns from (Daigavane et al. 2024)."""

from dataclasses import dataclass

import numpy as np

from tutti.core.structures import Structures
from tutti.models.species import Species


@dataclass(frozen=True)
class Fragments:
    """B fragments, atoms packed in the order in which they were placed, and what comes next.

    Attributes:
        n_atoms: [B] int64.
        species: [ΣN] int64, positions in the model's list of elements.
        positions: [ΣN, 3], Å.
        choices: [ΣN, S], q(focus, species); the rows of a fragment sum to 1, or to 0 where it stops.
        stop: [B] bool.
        focus: [B] int64, row in `positions` of the chosen focus (the fragment's first atom where it stops).
        target_species: [B] int64 (0 where it stops).
        target_fragment: [T] int64, fragment of each candidate target of the chosen focus and species.
        target_vectors: [T, 3], target minus focus, Å.
    """

    n_atoms: np.ndarray
    species: np.ndarray
    positions: np.ndarray
    choices: np.ndarray
    stop: np.ndarray
    focus: np.ndarray
    target_species: np.ndarray
    target_fragment: np.ndarray
    target_vectors: np.ndarray


@dataclass(frozen=True)
class _Molecules:
    """B molecules padded to M atoms: species and positions, real atoms, distances (diagonal ∞)."""

    species: np.ndarray
    positions: np.ndarray
    real: np.ndarray
    distances: np.ndarray

    @classmethod
    def pad(cls, structures: Structures, rows: np.ndarray, known: Species) -> "_Molecules":
        counts = structures.n_atoms[rows]
        real = np.arange(counts.max()) < counts[:, None]
        atoms = structures.atom_rows(rows)
        species = np.zeros(real.shape, dtype=np.int64)
        species[real] = known.of(structures.numbers[atoms])
        positions = np.zeros((*real.shape, 3))
        positions[real] = structures.positions[atoms]
        difference = positions[:, :, None] - positions[:, None]
        distances = np.sqrt(np.einsum("bijk,bijk->bij", difference, difference))
        distances[:, np.eye(real.shape[1], dtype=bool)] = np.inf
        return cls(species, positions, real, distances)


def _pick(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[B]: one True column of each row of `mask` [B, K], uniformly; 0 where a row has none."""
    return np.argmax(mask * (1.0 - rng.random(mask.shape)), axis=1)


def _candidates(
    molecules: _Molecules, placed: np.ndarray, eligible: np.ndarray, tolerance: float, max_radius: float
) -> np.ndarray:
    """[B, M, M] bool: pairs (placed focus, eligible target) within `tolerance` of the smallest distance.

    Pairs beyond `max_radius` are candidates only where the closest pair itself is.
    """
    pairs = placed[:, :, None] & eligible[:, None, :]
    distances = np.where(pairs, molecules.distances, np.inf)
    nearest = distances.min((1, 2), keepdims=True)
    limit = np.minimum(nearest + tolerance, np.maximum(nearest, max_radius))
    return pairs & (distances <= limit)


def _eligible(placed: np.ndarray, real: np.ndarray, heavy: np.ndarray, heavy_first: bool) -> np.ndarray:
    """[B, M]: unplaced atoms that may come next; with `heavy_first` hydrogens wait for all heavy atoms."""
    left = real & ~placed
    if not heavy_first:
        return left
    heavy_left = left & heavy
    return np.where(heavy_left.any(1, keepdims=True), heavy_left, left)


def make_fragments(
    structures: Structures,
    items: np.ndarray,
    species: Species,
    rng: np.random.Generator,
    *,
    tolerance: float,
    heavy_first: bool,
    max_radius: float,
) -> Fragments:
    """Grow each item's molecule, in a fresh random order, to the item's number of atoms.

    Args:
        structures: N molecules with ΣN atoms.
        items: [B], numbers of fragments: the fragment of k + 1 atoms of molecule i has number offsets[i] + k.
        species: the elements that the model knows.
        rng: draws the order.
        tolerance: Å, how far from the closest pair (placed, unplaced) a candidate pair may be.
        heavy_first: whether all heavy atoms come before the first hydrogen.
        max_radius: Å, the farthest that the model can place an atom from its focus.
    """
    rows = np.searchsorted(structures.offsets, items, side="right") - 1
    sizes = items - structures.offsets[rows] + 1
    molecules = _Molecules.pad(structures, rows, species)
    heavy = molecules.real & (molecules.species != species.hydrogen)
    placed, order = np.zeros_like(molecules.real), np.zeros(molecules.real.shape, dtype=np.int64)
    batch = np.arange(len(items))

    order[:, 0] = _pick(_eligible(placed, molecules.real, heavy, heavy_first), rng)
    placed[batch, order[:, 0]] = True
    for step in range(1, int(sizes.max())):
        eligible = _eligible(placed, molecules.real, heavy, heavy_first)
        pairs = _candidates(molecules, placed, eligible, tolerance, max_radius)
        chosen = _pick(pairs.reshape(len(items), -1), rng) % placed.shape[1]
        growing = step < sizes
        order[growing, step] = chosen[growing]
        placed[batch[growing], chosen[growing]] = True
    eligible = _eligible(placed, molecules.real, heavy, heavy_first)
    pairs = _candidates(molecules, placed, eligible, tolerance, max_radius)
    return _with_targets(molecules, order, sizes, pairs, len(species), rng)


def _with_targets(
    molecules: _Molecules,
    order: np.ndarray,
    sizes: np.ndarray,
    pairs: np.ndarray,
    n_species: int,
    rng: np.random.Generator,
) -> Fragments:
    """Fragments of the first `sizes` atoms of `order` [B, M], with the targets among `pairs` [B, M, M]."""
    n, width = order.shape
    batch = np.arange(n)
    one_hot = np.eye(n_species)[molecules.species]
    counts = pairs.astype(float) @ one_hot
    total = counts.sum((1, 2), keepdims=True)
    stop = total.ravel() == 0
    choices = counts / np.maximum(total, 1.0)

    flat = _pick(pairs.reshape(n, -1), rng)
    focus_atom, target_atom = np.where(stop, order[:, 0], flat // width), flat % width
    target_species = np.where(stop, 0, molecules.species[batch, target_atom])
    same = pairs[batch, focus_atom] & (molecules.species == target_species[:, None])
    target_fragment, atoms = np.nonzero(same)

    kept = np.arange(width) < sizes[:, None]
    fragment = np.repeat(batch, sizes)
    atom = order[kept]
    rank = np.argmax((order == focus_atom[:, None]) & kept, axis=1)
    return Fragments(
        n_atoms=sizes,
        species=molecules.species[fragment, atom],
        positions=molecules.positions[fragment, atom],
        choices=choices[fragment, atom],
        stop=stop,
        focus=np.cumsum(sizes) - sizes + rank,
        target_species=target_species,
        target_fragment=target_fragment,
        target_vectors=molecules.positions[target_fragment, atoms]
        - molecules.positions[target_fragment, focus_atom[target_fragment]],
    )
