"""How the MMD of two sets of observations is estimated: the Symphony paper's way, and in full."""

import math
from collections.abc import Mapping

import numpy as np

from tutti.metrics.mmd import mmd_squared, pooled
from tutti.metrics.mmd_binned import Grid
from tutti.metrics.observations import Observations
from tutti.metrics.resampling import Design, Inference, bootstrap
from tutti.randomness import numpy_generator

BATCHES, BATCH = 10, 1000
MAX_POINTS = 4000  # of either side, in more than one dimension: keeps the cost linear in the samples
NOTHING = Observations(np.empty((0, 1)), np.empty(0, np.int64), 0)
_BLOCK = 32  # comparisons whose weights are in memory at a time, in one dimension

Keyed = Mapping[str, Observations]


def paper(samples: Observations, reference: Observations, key: str, seed: int) -> np.ndarray:
    """MMD [BATCHES] of mini-batches of BATCH observations drawn with replacement from either side.

    The published number is their mean (Daigavane et al., ICLR 2024). All pairs count, a point with itself
    too, so that two batches of one distribution are about sqrt(2/BATCH · E κ(d²)) apart, not 0.

    Args:
        samples: n >= 1 observations.
        reference: n >= 1 observations.
        key: names the random stream, together with `seed`.
        seed: of the draws.
    """
    return _minibatches(samples.values, reference.values, numpy_generator(seed, f"mini-batches of {key}"))


def paper_floor(reference: Observations, key: str, seed: int) -> np.ndarray:
    """`paper` of two random halves of the reference's molecules; empty when only one has observations."""
    generator = numpy_generator(seed, f"mini-batches of halves of {key}")
    molecules = generator.permutation(np.unique(reference.molecule))
    if len(molecules) < 2:
        return np.empty(0)
    in_first = np.zeros(reference.n_molecules, bool)
    in_first[molecules[: len(molecules) // 2]] = True
    first = in_first[reference.molecule]
    return _minibatches(reference.values[first], reference.values[~first], generator)


def full(samples: Observations, reference: Observations, key: str, seed: int) -> Inference:
    """MMD² of all observations, with bootstrap, permutations and null floors of whole molecules.

    In more than one dimension at most MAX_POINTS points of either side are compared (see `is_capped`). The
    bootstrap draws the same molecules for all keys, so that a mean over keys has replicates too.

    Args:
        samples: n >= 1 observations.
        reference: n >= 1 observations.
        key: names the random streams, together with `seed`.
        seed: of the draws.
    """
    ours = _compared(samples, f"samples with {key}", seed)
    theirs = _compared(reference, f"reference with {key}", seed)
    multiplicity = bootstrap(samples.n_molecules, numpy_generator(seed, "bootstrap of molecules"))[:, ours]
    pool = pooled(_restricted(samples, ours), _restricted(reference, theirs))
    design = Design.of(multiplicity, len(theirs), numpy_generator(seed, f"permutations and floors of {key}"))
    return design.inference(_squared(pool, design))


def is_capped(observations: Observations) -> bool:
    """Whether `full` compares only a part of these observations."""
    return observations.values.shape[1] > 1 and len(observations) > MAX_POINTS


def mmd_at_n(samples: Keyed, reference: Keyed, n_molecules: int, seed: int = 0) -> float:
    """Mean of the full MMD over the keys of the reference, of the samples' first `n_molecules`.

    For a curve against n: nothing is resampled. Keys with fewer than two observations on either side are
    left out; NaN when none remains.

    Args:
        samples: observations by key.
        reference: the same.
        n_molecules: how many of the samples' molecules count.
        seed: of the choice of MAX_POINTS points.
    """
    values = []
    for key, theirs in reference.items():
        ours = samples.get(key, NOTHING)
        ours = _restricted(ours, np.arange(min(n_molecules, ours.n_molecules)))
        if len(ours) < 2 or len(theirs) < 2:
            continue
        x = _restricted(ours, _compared(ours, f"samples with {key}", seed)).values
        y = _restricted(theirs, _compared(theirs, f"reference with {key}", seed)).values
        values.append(_distances(x[None], y[None])[0])
    return float(np.mean(values)) if values else math.nan


def _minibatches(x: np.ndarray, y: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    shape = (BATCHES, BATCH)
    return _distances(x[generator.integers(len(x), size=shape)], y[generator.integers(len(y), size=shape)])


def _distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """MMD [B] of B pairs of sets, x [B, n, d] and y [B, m, d]."""
    weights = np.repeat([1 / x.shape[1], -1 / y.shape[1]], [x.shape[1], y.shape[1]])[:, None]
    points = np.concatenate([x, y], axis=1)
    n_pairs, n_points, dimensions = points.shape
    if dimensions == 1:
        every = np.arange(n_pairs * n_points)
        grid = Grid.of(Observations(points.reshape(-1, 1), every, len(every)))
        squared = grid.mmd_squared(np.kron(np.eye(n_pairs), weights))
    else:
        squared = np.array([mmd_squared(pair, weights)[0] for pair in points])
    return np.sqrt(np.maximum(squared, 0))


def _squared(pool: Observations, design: Design) -> np.ndarray:
    """MMD² [C] of all comparisons of the design."""
    counts = np.bincount(pool.molecule, minlength=pool.n_molecules)
    if pool.values.shape[1] > 1:
        return mmd_squared(pool.values, design.signed_weights(counts, slice(None))[pool.molecule])
    grid = Grid.of(pool)
    blocks = (slice(start, start + _BLOCK) for start in range(0, len(design), _BLOCK))
    return np.concatenate([grid.mmd_squared(design.signed_weights(counts, block)) for block in blocks])


def _compared(observations: Observations, stream: str, seed: int) -> np.ndarray:
    """The molecules with observations, ascending; in random order, as many as MAX_POINTS has room for."""
    counts = np.bincount(observations.molecule, minlength=observations.n_molecules)
    molecules = np.flatnonzero(counts)
    if not is_capped(observations):
        return molecules
    order = numpy_generator(seed, stream).permutation(molecules)
    n = np.searchsorted(np.cumsum(counts[order]), MAX_POINTS, side="right")
    return np.sort(order[: max(n, 1)])


def _restricted(observations: Observations, molecules: np.ndarray) -> Observations:
    """Only these molecules (ascending), numbered anew."""
    number = np.full(observations.n_molecules, -1)
    number[molecules] = np.arange(len(molecules))
    molecule = number[observations.molecule]
    kept = molecule >= 0
    return Observations(observations.values[kept], molecule[kept], len(molecules))
