"""Packed arrays: the rows of many owners, one owner's after another's, a different number for each."""

import numpy as np


def offsets(counts: np.ndarray) -> np.ndarray:
    """[N + 1] int64: owner i of N, each with so many rows, has the rows offsets[i] ... offsets[i + 1] - 1."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64, copy=False)


def owners(counts: np.ndarray) -> np.ndarray:
    """[Σcounts] int64: the owner of each row."""
    return np.repeat(np.arange(len(counts)), counts)


def rows_of(owners: slice | np.ndarray, offsets: np.ndarray) -> slice | np.ndarray:
    """Where the rows of some owners stand, in the order of the owners.

    Args:
        owners: a slice with start and stop (step 1), whose rows are a slice too; or [M] int64 from 0 on.
        offsets: [N + 1] int64, see `offsets`.
    """
    if isinstance(owners, slice):
        return slice(int(offsets[owners.start]), int(offsets[owners.stop]))
    starts = offsets[owners]
    counts = offsets[owners + 1] - starts
    before = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.repeat(starts - before, counts) + np.arange(counts.sum())


def no_pairs(pairs: np.ndarray, counts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """[M] bool: which pairs are not two places in their owner, the lower one first.

    Args:
        pairs: [M, 2] int, places.
        counts: [N] int64, pairs of each owner.
        sizes: [N] int64, places in each owner.
    """
    first, second = pairs.T
    return (first < 0) | (first >= second) | (second >= np.repeat(sizes, counts))
