"""How the MMD of two sets of observations is estimated: the Symphony paper's way, and in full."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tutti.benchmark.metrics.mmd import mmd_squared, mmd_squared_of_parts, pooled
from tutti.benchmark.metrics.mmd_binned import BIN, Grid
from tutti.core.randomness import numpy_generator
from tutti.statistics.bootstrap import Design, Inference, bootstrap
from tutti.statistics.observations import Observations

BATCHES, BATCH = 10, 1000
MAX_POINTS = 4000  # of either side, in more than one dimension: keeps the cost linear in the samples
NOTHING = Observations(np.empty((0, 1)), np.empty(0, np.int64), 0)

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
    generator, shape = numpy_generator(seed, f"mini-batches of {key}"), (BATCHES, BATCH)
    drawn = (generator.choice(len(side), shape) for side in (samples, reference))
    return _distances(samples.values, reference.values, *drawn)


def paper_replicates(draws: np.ndarray, inference: Inference, key: str, seed: int) -> np.ndarray:
    """Replicates [REPLICATES] of the paper's number, from the bootstrap of the full MMD².

    Given the observations, a batch's MMD² is on average the full one and terms of order 1/BATCH, which
    hardly depend on the molecules: both numbers change alike from one set of molecules to the next. What
    the draw of the batches adds is t-distributed noise; with many molecules it is most of the uncertainty.

    Args:
        draws: [BATCHES] MMD of the mini-batches.
        inference: of the full MMD² of the same observations.
        key: names the random stream, together with `seed`.
        seed: of the noise.
    """
    generator = numpy_generator(seed, f"noise of mini-batches of {key}")
    error = np.std(draws**2, ddof=1) / math.sqrt(len(draws))
    noise = error * generator.standard_t(len(draws) - 1, size=len(inference.replicates))
    squared = draws.mean() ** 2 + inference.replicates - inference.estimate + noise
    return np.sqrt(np.maximum(squared, 0))


def paper_floor(reference: Observations, n_molecules: int, key: str, seed: int) -> np.ndarray:
    """MMD [BATCHES] of mini-batches of two disjoint parts of the reference, divided anew for each.

    Args:
        reference: observations in T molecules.
        n_molecules: S of the samples that have observations; the first part has min(S, T/2) molecules.
        key: names the random stream, together with `seed`.
        seed: of the draws.

    Returns:
        Empty when T < 2.
    """
    generator = numpy_generator(seed, f"mini-batches of divisions of {key}")
    molecules = np.unique(reference.molecule)
    part = min(n_molecules, len(molecules) // 2)
    if part == 0:
        return np.empty(0)
    batches = np.empty((2, BATCHES, BATCH), np.int64)
    for division in range(BATCHES):
        in_first = np.zeros(reference.n_molecules, bool)
        in_first[generator.choice(molecules, part, replace=False, shuffle=False)] = True
        first = in_first[reference.molecule]
        for side, chosen in enumerate((first, ~first)):
            batches[side, division] = generator.choice(np.flatnonzero(chosen), BATCH)
    return _distances(reference.values, reference.values, *batches)


def full(samples: Observations, reference: Observations, key: str, seed: int) -> Inference:
    """MMD² of all observations, with bootstrap, permutations and null floors of whole molecules.

    The bootstrap draws the same molecules for all keys, so that a mean over keys has replicates too.

    Args:
        samples: n >= 1 observations; many points in more than one dimension take long (see `capped`).
        reference: the same.
        key: names the random streams, together with `seed`.
        seed: of the draws.
    """
    pool, design = _comparisons(samples, reference, key, seed)
    return design.inference(_squared_of_all(pool, design))


def resampled(samples: Observations, reference: Observations, seed: int) -> Inference:
    """The same estimate and replicates as by `full`, without its permutations and null floors.

    Args:
        samples: n >= 1 observations.
        reference: the same.
        seed: of the draws.
    """
    pool, multiplicity, n_reference = _pool(samples, reference, seed)
    design = Design.of_resamples(multiplicity, n_reference)
    return design.inference(_squared_of_all(pool, design))


def full_in_one_dimension(
    samples: Observations, reference: Observations, key: str, seed: int, width: float = BIN
) -> tuple[Inference, Inference]:
    """MMD² and the squared Wasserstein-1 distance of all observations, of the same resamples as by `full`.

    Squared because a squared distance of two parts of one distribution falls with their numbers n and m as
    1/n + 1/m: that of MMD and, in the limit, that of the Wasserstein distance of numbers with a finite
    variance (Bobkov and Ledoux, Mem. Am. Math. Soc. 261, 2019).

    Args:
        samples: n >= 1 numbers.
        reference: the same.
        key: names the random streams, together with `seed`.
        seed: of the draws.
        width: of the grid's bins.
    """
    pool, design = _comparisons(samples, reference, key, seed)
    mmd, wasserstein = (design.inference(squared) for squared in _on_grid(pool, design, width))
    return mmd, wasserstein


def capped(observations: Observations, stream: str, seed: int) -> Observations:
    """All observations; in more than one dimension at most MAX_POINTS, of whole molecules in random order.

    Molecules left out keep their numbers, as molecules without observations.

    Args:
        observations: of either side.
        stream: names the random stream, together with `seed`.
        seed: of the order.
    """
    if observations.values.shape[1] == 1 or len(observations) <= MAX_POINTS:
        return observations
    counts = np.bincount(observations.molecule, minlength=observations.n_molecules)
    order = numpy_generator(seed, stream).permutation(np.flatnonzero(counts))
    n = np.searchsorted(np.cumsum(counts[order]), MAX_POINTS, side="right")
    kept = np.isin(observations.molecule, order[: max(n, 1)])
    return replace(observations, values=observations.values[kept], molecule=observations.molecule[kept])


def mmd_at_n(samples: Keyed, reference: Keyed, n_molecules: int) -> float:
    """Mean of the full MMD over the keys of the reference, of the samples' first `n_molecules`.

    For a curve against n: nothing is resampled. NaN where a key has fewer than two observations on either
    side, and without keys.

    Args:
        samples: observations by key.
        reference: the same.
        n_molecules: how many of the samples' molecules count.
    """
    values = []
    for key, theirs in reference.items():
        ours = samples.get(key, NOTHING).head(n_molecules)
        if len(ours) < 2 or len(theirs) < 2:
            return math.nan
        x = capped(ours, f"samples with {key}", 0).values
        y = capped(theirs, f"reference with {key}", 0).values
        values.append(_distances(x, y, *(np.arange(len(side))[None] for side in (x, y)))[0])
    return float(np.mean(values)) if values else math.nan


def _distances(x: np.ndarray, y: np.ndarray, of_x: np.ndarray, of_y: np.ndarray) -> np.ndarray:
    """MMD [B] of B pairs of sets: rows `of_x` [B, n] of points x [N, d], and `of_y` [B, m] of y [M, d]."""
    if x.shape[1] == 1:
        weights = np.repeat([1 / of_x.shape[1], -1 / of_y.shape[1]], [of_x.shape[1], of_y.shape[1]])[:, None]
        points = np.concatenate([x[of_x], y[of_y]], axis=1)
        every = np.arange(points.size)
        grid = Grid.of(Observations(points.reshape(-1, 1), every, len(every)))
        squared = grid.mmd_squared(grid.binned(np.kron(np.eye(len(points)), weights)))
    else:
        squared = np.array([_squared(x, y, *rows) for rows in zip(of_x, of_y, strict=True)])
    return np.sqrt(np.maximum(squared, 0))


def _squared(x: np.ndarray, y: np.ndarray, of_x: np.ndarray, of_y: np.ndarray) -> float:
    """MMD² of rows of x from rows of y. Draws with replacement hold many rows several times."""
    (first, n_first), (second, n_second) = (np.unique(rows, return_counts=True) for rows in (of_x, of_y))
    weights = np.concatenate([n_first / len(of_x), -n_second / len(of_y)])
    return mmd_squared(np.concatenate([x[first], y[second]]), weights[:, None])[0]


def _pool(samples: Observations, reference: Observations, seed: int) -> tuple[Observations, np.ndarray, int]:
    """Both sets in one, without molecules in which nothing is observed; how often each of the samples' is in
    each resample; how many are the reference's."""
    ours, theirs = np.unique(samples.molecule), np.unique(reference.molecule)
    multiplicity = bootstrap(samples.n_molecules, numpy_generator(seed, "bootstrap of molecules"))[:, ours]
    return pooled(_restricted(samples, ours), _restricted(reference, theirs)), multiplicity, len(theirs)


def _comparisons(
    samples: Observations, reference: Observations, key: str, seed: int
) -> tuple[Observations, Design]:
    """Both sets in one, without molecules in which nothing is observed, and what is compared of it."""
    pool, multiplicity, n_reference = _pool(samples, reference, seed)
    generator = numpy_generator(seed, f"permutations and floors of {key}")
    return pool, Design.of(multiplicity, n_reference, generator)


def _squared_of_all(pool: Observations, design: Design) -> np.ndarray:
    """[C]: MMD² of all comparisons of the design."""
    if pool.values.shape[1] == 1:
        return _on_grid(pool, design, BIN)[0]
    weights = design.weights(np.bincount(pool.molecule, minlength=pool.n_molecules))
    n = int(np.searchsorted(pool.molecule, design.n_samples))
    molecules = (pool.molecule[:n], pool.molecule, pool.molecule[n:] - design.n_samples)
    parts = (each[of] for each, of in zip(weights, molecules, strict=True))
    return mmd_squared_of_parts(pool.values, *parts)


def _on_grid(pool: Observations, design: Design, width: float) -> np.ndarray:
    """[2, C]: MMD² and the squared Wasserstein-1 distance of all comparisons of the design."""
    grid = Grid.of(pool, width)
    squared = []
    for first, second in design.sums(grid.shares):
        with np.errstate(invalid="ignore"):  # NaN for resamples of nothing
            binned = first / first.sum(axis=1, keepdims=True) - second / second.sum(axis=1, keepdims=True)
        squared.append((grid.mmd_squared(binned), grid.wasserstein(binned) ** 2))
    return np.concatenate(squared, axis=1)


def _restricted(observations: Observations, molecules: np.ndarray) -> Observations:
    """Only these molecules (ascending), numbered anew."""
    number = np.full(observations.n_molecules, -1)
    number[molecules] = np.arange(len(molecules))
    molecule = number[observations.molecule]
    kept = molecule >= 0
    return Observations(observations.values[kept], molecule[kept], len(molecules))
