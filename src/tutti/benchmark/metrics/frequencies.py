"""How often each category occurs in each molecule: elements, local environments, ring sizes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array

from tutti.benchmark.metrics.bonded import Bonded, flattened
from tutti.benchmark.metrics.environments import Environments
from tutti.core.elements import SYMBOLS


@dataclass(frozen=True)
class Counts:
    """Occurrences of K categories in M molecules.

    Attributes:
        names: [K] the categories.
        per_molecule: [M, K] int64, sparse.
    """

    names: list[str]
    per_molecule: csr_array

    def __len__(self) -> int:
        return self.per_molecule.shape[0]


def atom_types(bonded: Bonded) -> Counts:
    """Atoms of each element that occurs, in order of the atomic number."""
    numbers, kind = np.unique(bonded.numbers, return_inverse=True)
    return _counts([SYMBOLS[number] for number in numbers], bonded.molecule, kind, len(bonded))


def local_environments(bonded: Bonded) -> Counts:
    """Atoms with each kind of local environment (see `Environments`), the most frequent first."""
    environments = Environments.of(bonded)
    return _counts(environments.names, environments.molecule, environments.kind, len(bonded))


def ring_sizes(verdicts: pd.DataFrame) -> Counts:
    """Rings of each size that occurs, in the valid molecules; the names are the sizes in ascending order.

    Args:
        verdicts: of one assigner (see `tutti.chemistry.bonds.pool.assign_all`); rows that are not valid are
            left out.
    """
    rings = verdicts.loc[verdicts["valid"].to_numpy(bool), "ring_sizes"]
    n_rings, of_all = flattened(rings)
    sizes, kind = np.unique(of_all.astype(np.int64), return_inverse=True)
    return _counts([str(size) for size in sizes], np.repeat(np.arange(len(rings)), n_rings), kind, len(rings))


def aligned(a: Counts, b: Counts) -> tuple[Counts, Counts]:
    """The same counts over one list of names: those of `a`, then those that only `b` has."""
    names = list(dict.fromkeys([*a.names, *b.names]))
    return _over(a, names), _over(b, names)


def _over(counts: Counts, names: list[str]) -> Counts:
    place = {name: i for i, name in enumerate(names)}
    columns = np.array([place[name] for name in counts.names], np.int64)
    old = counts.per_molecule
    # A copy: scipy sorts unsorted columns in place when it needs to, and would take the caller's data along.
    moved = csr_array((old.data.copy(), columns[old.indices], old.indptr), (len(counts), len(names)))
    return Counts(names, moved)


def _counts(names: list[str], molecule: np.ndarray, kind: np.ndarray, n: int) -> Counts:
    """Counts in n molecules of occurrences: the molecule and the kind (index into `names`) of each."""
    ones = np.ones(len(kind), np.int64)
    return Counts(names, coo_array((ones, (molecule, kind)), (n, len(names))).tocsr())
