"""Bootstrap, permutations and null floors of distances between two sets of molecules."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

REPLICATES = 200
PERMUTATIONS = 199
FLOOR_DRAWS = 20
# Rounding leaves about 1e-14 in a squared distance that is 0: ties closer than this count as ties.
_TIE = 1e-12
_PERCENTILES = (2.5, 97.5)
_BLOCK = 32  # comparisons whose sums are in memory at a time


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
            molecules, and in a design without.
        extrapolated: whether the floors are scaled from parts smaller than the sets that are compared.
        p_value: of the permutation test; NaN without permutations.
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
        resamples: [1 + REPLICATES, S] int16, how often each molecule of the samples is in the first set,
            those observed first; the second is the reference.
        permutations: [P, S + T] bool, what is in the first set; the rest is the second.
        floors: [F, T] bool, what of the reference is in the first set; the rest of it is the second.
    """

    resamples: np.ndarray
    permutations: np.ndarray
    floors: np.ndarray

    @classmethod
    def of(cls, multiplicity: np.ndarray, n_reference: int, generator: np.random.Generator) -> "Design":
        """The design for S >= 1 molecules of samples and `n_reference` >= 1.

        Args:
            multiplicity: [REPLICATES, S] how often each molecule is in each resample (see `bootstrap`).
            n_reference: T.
            generator: for the permutations and floors.
        """
        n_samples = multiplicity.shape[1]
        part = min(n_samples, n_reference // 2)
        design = cls(
            np.concatenate([np.ones((1, n_samples), np.int16), multiplicity]),
            np.zeros((PERMUTATIONS, n_samples + n_reference), bool),
            np.zeros((FLOOR_DRAWS if part else 0, n_reference), bool),
        )
        for chosen, n in ((design.permutations, n_samples), (design.floors, part)):
            for row in chosen:
                row[generator.choice(len(row), n, replace=False, shuffle=False)] = True
        return design

    @classmethod
    def of_resamples(cls, multiplicity: np.ndarray, n_reference: int) -> "Design":
        """The design without permutations and floors, for an interval alone."""
        n_samples = multiplicity.shape[1]
        observed = np.ones((1, n_samples), np.int16)
        permutations = np.zeros((0, n_samples + n_reference), bool)
        return cls(np.concatenate([observed, multiplicity]), permutations, np.zeros((0, n_reference), bool))

    def __len__(self) -> int:
        return len(self.resamples) + len(self.permutations) + len(self.floors)

    @property
    def n_samples(self) -> int:
        """S."""
        return self.resamples.shape[1]

    @property
    def n_reference(self) -> int:
        """T."""
        return self.floors.shape[1]

    def sums(self, observed: csr_array) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """What is observed in the one and in the other set, of a few comparisons after the others.

        The molecules of the second set are never added up: they are the reference, or what the first leaves.

        Args:
            observed: [S + T, K] sparse, in each molecule of the pool.

        Yields:
            ([c, K], [c, K]) float, both rows of K together.
        """
        ours, theirs = observed[: self.n_samples], observed[self.n_samples :]
        reference = theirs.sum(axis=0).astype(float)
        for start in range(0, len(self.resamples), _BLOCK):
            first = _times(self.resamples[start : start + _BLOCK], ours)
            yield first, np.broadcast_to(reference, first.shape)
        pool = ours.sum(axis=0) + reference
        for chosen, of, total in ((self.permutations, observed, pool), (self.floors, theirs, reference)):
            for start in range(0, len(chosen), _BLOCK):
                first = _times(chosen[start : start + _BLOCK], of)
                yield first, total - first

    def weights(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weight of each of a molecule's observations in the comparisons; those of a set add up to 1 or -1.

        Args:
            counts: [S + T] observations in each molecule of the pool.

        Returns:
            ([S, 1 + REPLICATES] of the samples against the reference, whose observations all weigh the same,
            NaN for resamples in which no molecule with an observation was drawn; [S + T, P] of the
            permutations; [T, F] of the floors).
        """
        ours, theirs = counts[: self.n_samples], counts[self.n_samples :]
        with np.errstate(invalid="ignore"):
            resamples = self.resamples / (self.resamples @ ours)[:, None]
        pairs = ((self.permutations, counts), (self.floors, theirs))
        signed = (chosen / (chosen @ of)[:, None] - ~chosen / (~chosen @ of)[:, None] for chosen, of in pairs)
        return tuple(np.ascontiguousarray(each.T) for each in (resamples, *signed))

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

    def inference(self, squared: np.ndarray) -> Inference:
        """What the squared distances [C] of all comparisons say."""
        ends = np.cumsum([1, len(self.resamples) - 1, len(self.permutations)])
        (observed,), replicates, permuted, floors = np.split(squared, ends)
        if self.n_samples < 2:  # one molecule does not tell how much molecules differ
            replicates = np.full(REPLICATES, math.nan)
        return Inference(
            estimate=max(float(observed), 0),
            replicates=shifted(observed, replicates),
            floors=np.maximum(floors * self.floor_scale, 0) if len(floors) else floors,
            extrapolated=self.n_samples > self.n_reference // 2,
            p_value=p_value(observed, permuted) if len(permuted) else math.nan,
        )


def _times(multiplicity: np.ndarray, observed: csr_array) -> np.ndarray:
    """[c, K]: sums over molecules [M, K] that occur as often as `multiplicity` [c, M] says."""
    return np.ascontiguousarray((observed.T @ multiplicity.T.astype(float, order="C")).T)
