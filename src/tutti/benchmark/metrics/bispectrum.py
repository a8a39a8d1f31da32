"""Bispectra of local environments: rotation-invariant numbers for the directions of an atom's bonds.

The neighbours of an atom make the signal f(r̂) = Σ_v δ_lmax(r̂ - r̂_v) on the sphere, cut at degree lmax = 4;
the bispectrum holds the invariants of third order of its coefficients (Kakarala, "The Bispectrum as a Source
of Phase-Sensitive Invariants for Fourier Descriptors", J. Math. Imaging Vis. 44, 341, 2012; Daigavane et al.,
ICLR 2024). With c_lm = Σ_v Y_lm(r̂_v) / √(4π), real and orthonormal Y_lm,

    B_(l1, l2, l3) = √p Σ_(m1, m2, m3) w3j(l1, l2, l3; m1, m2, m3) c_l1m1 c_l2m2 c_l3m3,

where p is the number of distinct permutations of (l1, l2, l3). Neither rotating the molecule nor renumbering
the atoms changes any of them.
"""

import math
from collections.abc import Sequence
from functools import cache
from itertools import combinations_with_replacement, groupby, permutations

import numpy as np
import torch
from scipy.sparse import csr_array

from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.environments import Environments, pairs
from tutti.nn.so3 import wigner_3j
from tutti.nn.spherical import harmonics
from tutti.statistics.observations import Observations

LMAX = 4
_BLOCK = 2048  # environments at once: their products of coefficients stay in the processor's cache


def _triples(lmax: int) -> list[tuple[int, int, int]]:
    """The (l1 ≤ l2 ≤ l3) whose invariant does not vanish: first those of even sum, each in ascending order.

    Under an exchange of two equal degrees, w3j changes by (-1)^(l1 + l2 + l3) and the product of the
    coefficients not at all: for an odd sum the degrees must differ.
    """
    allowed = [t for t in combinations_with_replacement(range(lmax + 1), 3) if t[2] <= t[0] + t[1]]
    even = [triple for triple in allowed if sum(triple) % 2 == 0]
    return even + [triple for triple in allowed if sum(triple) % 2 and len(set(triple)) == 3]


TRIPLES = _triples(LMAX)
"""The degrees (l1, l2, l3) of the 15 entries."""

EVEN = slice(0, 14)
"""The entries that a reflection leaves as they are; it changes the sign of the last, (2, 3, 4)."""


@cache
def _contractions() -> list[tuple[int, int, np.ndarray, list[tuple[int, int, int]]]]:
    """For each (l1, l2) of `TRIPLES`: l1, l2, all its √p w3j side by side, (entry, l3, first row) of each.

    The tensors are [Σ(2 l3 + 1), (2 l1 + 1)(2 l2 + 1)].
    """
    contractions = []
    for (l1, l2), group in groupby(sorted(TRIPLES), key=lambda triple: triple[:2]):
        tensors, parts, row = [], [], 0
        for triple in group:
            scale = math.sqrt(len(set(permutations(triple))))
            w3j = wigner_3j(*triple).numpy()
            tensors.append(scale * w3j.reshape(-1, 2 * triple[2] + 1).T)
            parts.append((TRIPLES.index(triple), triple[2], row))
            row += 2 * triple[2] + 1
        contractions.append((l1, l2, np.concatenate(tensors), parts))
    return contractions


def bispectra(vectors: np.ndarray, centre: np.ndarray, n_centres: int) -> np.ndarray:
    """Bispectra of environments.

    Args:
        vectors: [P, 3] float, from a centre to one of its neighbours; only the directions matter.
        centre: [P] int, which centre each vector belongs to, 0 ... n_centres - 1.
        n_centres: number of environments; one without vectors has a bispectrum of zeros.

    Returns:
        [n_centres, 15] float64 in the order of `TRIPLES`. The signs, which are a convention, are those of
        e3nn's `wigner_3j`.

    Raises:
        ValueError: when a vector has length zero or is not finite.
    """
    squares = np.einsum("pi,pi->p", vectors, vectors)
    if not ((squares > 0) & (squares < np.inf)).all():
        raise ValueError("a vector of length zero or without a finite length has no direction")
    order = np.argsort(centre, kind="stable")
    starts = np.searchsorted(centre, np.arange(n_centres + 1), sorter=order)
    result = np.empty((n_centres, len(TRIPLES)))
    for begin in range(0, n_centres, _BLOCK):
        rows = starts[begin : begin + _BLOCK + 1]
        coefficients = _coefficients(vectors[order[rows[0] : rows[-1]]], rows - rows[0])
        result[begin : begin + _BLOCK] = _invariants(coefficients).T
    return result


def _coefficients(vectors: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """[25, n]: c_lm of n environments, the vectors of i being rows starts[i] ... starts[i + 1] - 1."""
    values = harmonics(LMAX, torch.from_numpy(vectors.astype(float))).numpy() / math.sqrt(4 * math.pi)
    sums = csr_array((np.ones(len(values)), np.arange(len(values)), starts), (len(starts) - 1, len(values)))
    return np.ascontiguousarray((sums @ values).T)


def _invariants(coefficients: np.ndarray) -> np.ndarray:
    """[15, n] from c_lm [25, n]: products of two, contracted with every w3j they occur in at once."""
    n = coefficients.shape[1]
    degree = [coefficients[l * l : (l + 1) ** 2] for l in range(LMAX + 1)]
    result = np.empty((len(TRIPLES), n))
    for l1, l2, tensors, parts in _contractions():
        products = (degree[l1][:, None] * degree[l2][None]).reshape(-1, n)
        contracted = tensors @ products
        for entry, l3, row in parts:
            np.einsum("mn,mn->n", contracted[row : row + 2 * l3 + 1], degree[l3], out=result[entry])
    return result


def by_environment(bonded: Bonded, names: Sequence[str] | None = None) -> dict[str, Observations]:
    """Bispectra of the environments of some kinds.

    Args:
        bonded: molecules with bonds.
        names: kinds as in `Environments`; by default the ten most frequent, the most frequent first.

    Returns:
        Bispectra [n, 15] by kind; none for one of `names` that does not occur.
    """
    environments = Environments.of(bonded)
    environments = environments.of_kind(environments.names[:10] if names is None else names)
    rows = [np.flatnonzero(environments.kind == kind) for kind in range(len(environments.names))]
    chosen = np.concatenate([np.empty(0, np.int64), *rows])
    centre, molecule = environments.centre[chosen], environments.molecule[chosen]
    index, neighbour = pairs(bonded, centre)
    values = bispectra(bonded.positions[neighbour] - bonded.positions[centre[index]], index, len(centre))
    ends = np.cumsum([0, *map(len, rows)])
    return {
        name: Observations(values[start:end], molecule[start:end], len(bonded))
        for name, start, end in zip(environments.names, ends[:-1], ends[1:], strict=True)
    }
