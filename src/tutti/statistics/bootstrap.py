"""Bootstrap, permutations and null floors of distances between two sets of molecules."""

import math
from dataclasses import dataclass

import numpy as np

REPLICATES = 200
PERMUTATIONS = 199
FLOOR_DRAWS = 20
# Rounding leaves about 1e-14 in a squared distance that is 0: ties closer than this count as ties.
_TIE = 1e-12
_PERCENTILES = (2.5, 97.5)


def bootstrap(n_molecules: int, generator: np.random.Generator) -> np.ndarray:
    """How often each of M molecules is drawn when M are drawn with replacement: [REPLICATES, M] int16."""
    shape = (REPLICATES, n_molecules)
    if n_molecules == 0:
        return np.zeros(shape, np.int16)
    draws = (generator.integers(n_molecules, size=n_molecules) for _ in range(REPLICATES))
    return np.array([np.bincount(draw, minlength=n_molecules).astype(np.int16) for draw in draws])


def shifted(estimate: float, replicates: np.ndarray) -> np.ndarray:
    """Bootstrap replicates [R] of a squared distance, moved so that their mean is the estimate; at least 0.

    A plug-in estimate of a squared distance (MMD² as V-statistic, JSD) lies above the truth by the noise of
    its samples. A replicate has the noise of the resampling on top of that, so that the replicates scatter
    around estimate + bias instead of the estimate, and their percentiles may not even contain it. The shift
    takes this second bias out; the first one stays, and the null floor shows its size.

    Undefined replicates (NaN: nothing was drawn that has an observation) stay NaN and out of the mean.
    """
    if np.isnan(replicates).all():
        return replicates
    return np.maximum(replicates - np.nanmean(replicates) + estimate, 0)


def percentile_interval(draws: np.ndarray) -> tuple[float, float]:
    """The central 95 % of the draws that are defined; NaN when none is."""
    defined = draws[~np.isnan(draws)]
    if len(defined) == 0:
        return math.nan, math.nan
    low, high = np.percentile(defined, _PERCENTILES)
    return float(low), float(high)


def p_value(observed: float, permuted: np.ndarray) -> float:
    """Share of P permutations, the observed labels among them, that lie as far apart: at least 1 / (1 + P).

    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010).
    """
    return float((1 + np.count_nonzero(permuted >= observed - _TIE)) / (1 + len(permuted)))


@dataclass(frozen=True)
class Inference:
    """A squared distance and what its resampling says about it.

    Attributes:
        estimate: the squared distance of the two sets.
        replicates: [REPLICATES] bootstrap replicates, shifted; NaN where undefined.
        floors: [FLOOR_DRAWS] the squared distance of the reference from itself; empty when it has no two
            molecules.
        extrapolated: whether the floors are scaled from parts smaller than the sets that are compared.
        p_value: of the permutation test.
    """

    estimate: float
    replicates: np.ndarray
    floors: np.ndarray
    extrapolated: bool
    p_value: float


@dataclass(frozen=True)
class Design:
    """C comparisons of two sets of molecules: how often each molecule of a pool is in the one and the other.

    The pool is the S molecules of the samples, then the T of the reference, all with something observed in
    them. The comparisons, in this order: the observed sets; REPLICATES resamples of the samples' molecules
    against the reference, which is taken as given; PERMUTATIONS of the labels in the pool; FLOOR_DRAWS
    disjoint divisions of the reference, of which the first part has min(S, T/2) molecules.

    Attributes:
        n_samples: S.
        n_reference: T.
        first: [C, S + T] int16.
        second: [C, S + T] int16.
    """

    n_samples: int
    n_reference: int
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, multiplicity: np.ndarray, n_reference: int, generator: np.random.Generator) -> "Design":
        """The design for S >= 1 molecules of samples and `n_reference` >= 1.

        Args:
            multiplicity: [REPLICATES, S] how often each molecule is in each resample (see `bootstrap`).
            n_reference: T.
            generator: for the permutations and floors.
        """
        n_samples = multiplicity.shape[1]
        pool = n_samples + n_reference
        part = min(n_samples, n_reference // 2)
        n_floors = FLOOR_DRAWS if part else 0
        first = np.zeros((1 + REPLICATES + PERMUTATIONS + n_floors, pool), np.int16)
        second = np.zeros_like(first)
        permutations, floors = np.split(np.arange(1 + REPLICATES, len(first)), [PERMUTATIONS])
        first[0, :n_samples] = 1
        first[1 : 1 + REPLICATES, :n_samples] = multiplicity
        second[: 1 + REPLICATES, n_samples:] = 1
        for row in permutations:
            first[row, generator.choice(pool, n_samples, replace=False, shuffle=False)] = 1
            second[row] = 1 - first[row]
        for row in floors:
            first[row, n_samples + generator.choice(n_reference, part, replace=False, shuffle=False)] = 1
            second[row, n_samples:] = 1 - first[row, n_samples:]
        return cls(n_samples, n_reference, first, second)

    def __len__(self) -> int:
        return len(self.first)

    @property
    def floor_scale(self) -> float:
        """What takes the expected squared distance of the floors' parts to that at S against T molecules.

        Of two sets of a and b independent molecules of one distribution, E MMD² = (1/a + 1/b) · variance, and
        E JSD is the same to leading order: (1/a + 1/b) · (K - 1) / 8 for independent draws of K categories.
        Parts of a finite reference are smaller than the sets that are compared.
        """
        part = min(self.n_samples, self.n_reference // 2)
        ours = 1 / self.n_samples + 1 / self.n_reference
        return ours / (1 / part + 1 / (self.n_reference - part))

    def signed_weights(self, counts: np.ndarray, rows: slice) -> np.ndarray:
        """[S + T, rows] weight of each of a molecule's observations: positive parts sum to 1, negative to -1.

        Args:
            counts: [S + T] observations in each molecule of the pool.
            rows: the comparisons wanted.

        Returns:
            Columns of NaN for resamples in which no molecule with an observation was drawn.
        """
        first, second = self.first[rows].astype(float), self.second[rows].astype(float)
        with np.errstate(invalid="ignore"):
            first /= (first @ counts)[:, None]
            second /= (second @ counts)[:, None]
        return np.ascontiguousarray((first - second).T)

    def inference(self, squared: np.ndarray) -> Inference:
        """What the squared distances [C] of all comparisons say."""
        ends = np.cumsum([1, REPLICATES, PERMUTATIONS])
        (observed,), replicates, permuted, floors = np.split(squared, ends)
        if self.n_samples < 2:  # one molecule does not tell how much molecules differ
            replicates = np.full(REPLICATES, math.nan)
        return Inference(
            estimate=max(float(observed), 0),
            replicates=shifted(observed, replicates),
            floors=np.maximum(floors * self.floor_scale, 0) if len(floors) else floors,
            extrapolated=self.n_samples > self.n_reference // 2,
            p_value=p_value(observed, permuted),
        )
