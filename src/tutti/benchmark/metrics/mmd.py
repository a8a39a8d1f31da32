"""Maximum mean discrepancy with the kernels of the Symphony paper, in any number of dimensions."""

from collections.abc import Iterator

import numpy as np

from tutti.statistics.observations import Observations

GAMMAS = np.logspace(-3, 3, 30)

# κ is tabulated over the squared distance: straight lines over 2^_BITS equal parts of every power of two
# from 2^_LOW to 2^_HIGH, so that the part is read off the leading bits of the float64 number. Below, κ is
# Σγ · d²; above, where every kernel is 0, it is the number of kernels.
_BITS, _LOW, _HIGH = 8, -34, 16
_SHIFT = 52 - _BITS
_ROWS, _COLUMNS = 256, 512  # a block of κ and its indices stay in the cache of a core


def kernel_deficit(squared_distance: np.ndarray) -> np.ndarray:
    """κ(d²) = Σ_i (1 - exp(-γ_i d²)), of the same shape: what the summed kernel lacks to its maximum.

    k(x, x') = Σ_i exp(-γ_i ‖x - x'‖²), with 30 γ log-spaced from 1e-3 to 1e3 (Daigavane et al., ICLR 2024).
    """
    return -np.expm1(-np.multiply.outer(squared_distance, GAMMAS)).sum(axis=-1)


def mmd_squared(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """MMD² of the positive from the negative part of each column of weights.

    With E over two weighted sets X and Y, MMD² = Σ_i |E k_i(X, X') + E k_i(Y, Y') - 2 E k_i(X, Y)|, pairs
    of a point with itself included (a V-statistic). The kernels are positive definite, so that no term is
    negative and the sum over i can be taken in the kernel: MMD² = vᵀ K v, with the weights v of X and minus
    those of Y. As they sum to 0, that is -vᵀ κ v, in which near points do not cancel (`kernel_deficit`).

    Works in blocks: memory is linear in N, time quadratic. The relative error of MMD² is about 1e-6 (the
    table of κ), and below 1e-4 still for sets that differ by 1e-5 a point or spread over 1e5; sets that are
    the same are within 1e-12 of 0.

    Args:
        points: [N, d] float64.
        weights: [N, C] float64; columns sum to 0.

    Returns:
        [C]; rounding may leave a 0 slightly negative.
    """
    total = np.zeros(weights.shape[1])
    for rows, columns, kernel in _blocks(points, len(points)):
        total -= 2 * _form(weights[rows], kernel, weights[columns])
    return total


def mmd_squared_of_parts(
    points: np.ndarray, ours: np.ndarray, both: np.ndarray, theirs: np.ndarray
) -> np.ndarray:
    """The same of two sets n and m with columns of weights most of which are the same or 0 in one of them.

    Every block of κ is multiplied by what is there alone: for the resamples of n observations against the
    same m, n² products instead of (n + m)².

    Args:
        points: [n + m, d] float64.
        ours: [n, A] float64, of the first n; columns sum to 1. The others weigh -1/m each.
        both: [n + m, B] float64, columns sum to 0.
        theirs: [m, C] float64, of the last m; columns sum to 0. The others weigh nothing.

    Returns:
        [A + B + C]; rounding may leave a 0 slightly negative.
    """
    n, m = len(ours), len(theirs)
    of_ours, of_both, of_theirs = (np.zeros(each.shape[1]) for each in (ours, both, theirs))
    between, among = np.zeros(n), 0.0
    for rows, columns, kernel in _blocks(points, n):
        of_both -= 2 * _form(both[rows], kernel, both[columns])
        if columns.stop <= n:
            of_ours -= 2 * _form(ours[rows], kernel, ours[columns])
        elif rows.start < n:
            between[rows] += kernel.sum(axis=1)
        else:
            left, right = (slice(each.start - n, each.stop - n) for each in (rows, columns))
            of_theirs -= 2 * _form(theirs[left], kernel, theirs[right])
            among += 2 * kernel.sum()
    of_ours += 2 / m * (between @ ours) - among / m**2
    return np.concatenate([of_ours, of_both, of_theirs])


def _blocks(points: np.ndarray, edge: int) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """(rows, columns, κ between them) right of the diagonal, none across `edge`; on the diagonal half of κ.

    κ is symmetric: what is summed over the blocks counts twice.
    """
    points = points - points.mean(axis=0)
    norms, ones = (points**2).sum(axis=1), np.ones(len(points))
    left = np.column_stack([-2 * points, norms, ones])
    right = np.column_stack([points, ones, norms])

    def parts(start: int, size: int) -> Iterator[slice]:
        while start < len(points):
            stop = min(start + size, edge if start < edge else len(points))
            yield slice(start, stop)
            start = stop

    for rows in parts(0, _ROWS):
        yield rows, rows, 0.5 * _tabulated(left[rows] @ right[rows].T)
        for columns in parts(rows.stop, _COLUMNS):
            yield rows, columns, _tabulated(left[rows] @ right[columns].T)


def _form(left: np.ndarray, kernel: np.ndarray, right: np.ndarray) -> np.ndarray:
    """[C]: Σ_ij l_ic κ_ij r_jc."""
    return np.einsum("nc,nc->c", left, kernel @ right)


def pooled(samples: Observations, reference: Observations) -> Observations:
    """The observations of both: the samples' molecules, then the reference's."""
    return Observations(
        np.concatenate([samples.values, reference.values]),
        np.concatenate([samples.molecule, reference.molecule + samples.n_molecules]),
        samples.n_molecules + reference.n_molecules,
    )


def _table() -> tuple[np.ndarray, np.ndarray, int]:
    """Offset and slope of the line over each part, and the leading bits of the first part."""
    parts = np.arange((1023 + _LOW) << _BITS, (1023 + _HIGH) << _BITS, dtype=np.int64)
    begin, end = (parts << _SHIFT).view(float), ((parts + 1) << _SHIFT).view(float)
    slope = (kernel_deficit(end) - kernel_deficit(begin)) / (end - begin)
    offset = kernel_deficit(begin) - slope * begin
    # The ends of the table stand for all that lies beyond them.
    offset[0], slope[0] = 0, GAMMAS.sum()
    offset[-1], slope[-1] = len(GAMMAS), 0
    return offset, slope, int(parts[0])


_OFFSET, _SLOPE, _FIRST = _table()


def _tabulated(squared_distance: np.ndarray) -> np.ndarray:
    """κ, in place of the squared distances; rounding may have made these negative."""
    part = squared_distance.view(np.int64) >> _SHIFT
    part -= _FIRST
    squared_distance *= _SLOPE.take(part, mode="clip")
    squared_distance += _OFFSET.take(part, mode="clip")
    return squared_distance
