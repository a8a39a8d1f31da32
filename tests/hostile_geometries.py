"""Samples that no chemist would draw, at random: what a generator may give when it has gone wrong."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from known_molecules import known
from tutti.benchmark.metrics.permolecule import Failure
from tutti.benchmark.samples.sets import numbered
from tutti.chemistry.bonds.assignment import Reason
from tutti.core.structures import Structures

Geometry = tuple[np.ndarray, np.ndarray]

ORGANIC = np.array([1, 1, 1, 6, 6, 7, 8, 9])
METALS = np.array([3, 11, 12, 13, 19, 20, 22, 26, 28, 29, 30, 46, 47, 55, 78, 79, 80, 82])
NOBLE = np.array([2, 10, 18, 36, 54, 86])
MOLECULES = [
    known(name) for name in ("CH4", "H2O", "C6H6", "CH3CH2OH", "CH3CN", "HCOOH", "CH3NO2", "SO2", "CF4")
]
MOST = 80
"""Atoms, but for `large`."""


def spread(rng: np.random.Generator, low: float, high: float) -> float:
    """Any order of magnitude between two is as likely."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def any_element(rng: np.random.Generator, n: int) -> np.ndarray:
    """One for all, or each another; any of the table, or those of molecules."""
    pool = ORGANIC if rng.random() < 0.6 else np.arange(1, 119)
    return np.full(n, rng.choice(pool)) if rng.random() < 0.5 else rng.choice(pool, n)


def molecule(rng: np.random.Generator) -> Geometry:
    numbers, positions = MOLECULES[rng.integers(len(MOLECULES))]
    return numbers.copy(), positions.copy()


def grid(rng: np.random.Generator) -> Geometry:
    shape = rng.integers(1, 5, 3)
    places = np.stack(np.indices(shape), axis=-1).reshape(-1, 3) * spread(rng, 0.1, 3.0)
    return any_element(rng, len(places)), places + rng.choice([0, 1e-3, 0.1]) * rng.normal(size=places.shape)


def collapsed(rng: np.random.Generator) -> Geometry:
    numbers, positions = molecule(rng)
    return numbers, positions * spread(rng, 1e-3, 0.95)


def inflated(rng: np.random.Generator) -> Geometry:
    numbers, positions = molecule(rng)
    return numbers, positions * spread(rng, 1.05, 1e300)


def far_away(rng: np.random.Generator) -> Geometry:
    numbers, positions = molecule(rng)
    return numbers, positions + rng.normal(size=3) * spread(rng, 10.0, 1e12)


def one_point(rng: np.random.Generator) -> Geometry:
    n = rng.integers(1, MOST)
    return any_element(rng, n), rng.normal(size=(1, 3)) + rng.choice([0, 1e-12, 1e-2]) * rng.normal(
        size=(n, 3)
    )


def star(rng: np.random.Generator) -> Geometry:
    directions = rng.normal(size=(rng.integers(3, 31), 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    numbers = any_element(rng, len(directions) + 1)
    return numbers, np.concatenate([np.zeros((1, 3)), directions * spread(rng, 0.5, 2.5)])


def chain(rng: np.random.Generator) -> Geometry:
    n = rng.integers(2, MOST)
    steps = np.array([1.0, 0, 0]) + rng.choice([0, 0.3]) * rng.normal(size=(n, 3))
    numbers = np.full(n, rng.choice([1, 6, 7, 8, 9, 14, 15, 16, 17, 35]))
    return numbers, np.cumsum(steps, axis=0) * spread(rng, 0.6, 2.5)


def ring(rng: np.random.Generator) -> Geometry:
    n = rng.integers(3, 31)
    angle, bond = 2 * np.pi * np.arange(n) / n, spread(rng, 0.7, 2.0)
    places = np.stack([np.cos(angle), np.sin(angle), rng.choice([0, 0.2]) * (-1.0) ** np.arange(n)], axis=1)
    numbers = np.full(n, rng.choice([6, 7, 8, 16])) if rng.random() < 0.6 else any_element(rng, n)
    return numbers, places * bond / (2 * np.sin(np.pi / n))


def cluster(rng: np.random.Generator) -> Geometry:
    n = rng.integers(1, 40)
    pool = (METALS, NOBLE, ORGANIC)[rng.integers(3)]
    return rng.choice(pool, n), rng.normal(size=(n, 3)) * spread(rng, 0.5, 4.0)


def lone_atom(rng: np.random.Generator) -> Geometry:
    return rng.integers(1, 119, 1), rng.normal(size=(1, 3))


def soup(rng: np.random.Generator) -> Geometry:
    n = rng.integers(0, MOST)
    return any_element(rng, n), rng.uniform(0, 1, size=(n, 3)) * spread(rng, 1.0, 30.0)


def doubled(rng: np.random.Generator) -> Geometry:
    numbers, positions = molecule(rng)
    return np.tile(numbers, 2), np.concatenate([positions, positions + spread(rng, 1e-4, 1.0)])


def shaken(rng: np.random.Generator) -> Geometry:
    numbers, positions = molecule(rng)
    return numbers, positions + spread(rng, 0.02, 1.0) * rng.normal(size=positions.shape)


def exchanged(rng: np.random.Generator) -> Geometry:
    numbers, positions = molecule(rng)
    numbers[rng.integers(len(numbers))] = rng.integers(1, 119)
    return numbers, positions


def torn(rng: np.random.Generator) -> Geometry:
    numbers, positions = molecule(rng)
    kept = rng.random(len(numbers)) < rng.random()
    return numbers[kept], positions[kept]


def not_finite(rng: np.random.Generator) -> Geometry:
    numbers, positions = molecule(rng)
    positions[rng.random(positions.shape) < 0.3] = rng.choice([np.nan, np.inf, -np.inf])
    return numbers, positions


def large(rng: np.random.Generator) -> Geometry:
    n = rng.integers(MOST, 2400)
    return any_element(rng, n), rng.uniform(0, 1, size=(n, 3)) * spread(rng, 3.0, 60.0)


KINDS: dict[str, Callable[[np.random.Generator], Geometry]] = {
    make.__name__: make
    for make in (
        *(grid, collapsed, inflated, far_away, one_point, star, chain, ring, cluster, lone_atom, soup),
        *(doubled, shaken, exchanged, torn, not_finite),
    )
}


def hostile(n: int, rng: np.random.Generator, n_large: int = 0) -> Structures:
    """`n` samples of all kinds in turn, the last `n_large` of them large, named by their kind.

    Their files say charges, and bonds and formal charges as senseless as the positions.
    """
    makers = list(KINDS.values())
    frames = [makers[i % len(makers)](rng) for i in range(n - n_large)] + [large(rng) for _ in range(n_large)]
    kinds = [list(KINDS)[i % len(makers)] for i in range(n - n_large)] + ["large"] * n_large
    bonds = [_bonds(rng, len(numbers)) for numbers, _ in frames]
    atoms = sum(len(numbers) for numbers, _ in frames)
    charges = np.where(rng.random(n) < 0.1, rng.choice([1, -1, 5, -128, 300], n), 0)
    names = np.array([f"{kind} {i}" for i, kind in enumerate(kinds)])
    formal = np.where(rng.random(atoms) < 0.05, rng.choice([1, -1, 8, -128], atoms), 0)
    structures = Structures.from_frames(
        [(numbers.astype(np.uint8), positions) for numbers, positions in frames],
        columns={"id": names, "charge": charges},
    )
    said = {
        "formal_charges": formal.astype(np.int8),
        "n_bonds": np.array([len(pairs) for pairs in bonds]),
        "bond_atoms": np.concatenate([np.empty((0, 2), np.int64), *bonds]),
        "bond_orders": rng.choice([1.0, 1.0, 1.0, 1.5, 2.0, 3.0], sum(map(len, bonds))),
    }
    return numbered(replace(structures, **said))


def _bonds(rng: np.random.Generator, n: int) -> np.ndarray:
    """[B, 2] int64: pairs of n atoms, also more than once."""
    if n < 2 or rng.random() < 0.1:
        return np.empty((0, 2), np.int64)
    pairs = np.sort(rng.integers(0, n, (rng.integers(1, 2 * n), 2)), axis=1)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    return np.unique(pairs, axis=0) if rng.random() < 0.8 else pairs


def unsettled(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Rows of an assigner that say neither what a sample is nor why it is nothing."""
    known = verdicts["reason"].isin([str(reason) for reason in Reason])
    decided = (verdicts["reason"] == "") == verdicts["valid"]
    named = verdicts["smiles"].notna() == verdicts["valid"]
    told = (verdicts["message"] != "") == (verdicts["reason"] == Reason.LIBRARY_ERROR)
    return verdicts[~(known & decided & named & told)]


def unchecked(check: pd.DataFrame, prefix: str, tests: Sequence[str]) -> pd.DataFrame:
    """Rows of valid samples for which a check has neither all its results nor a reason."""
    reason, whole = check[f"{prefix}reason"], check[[f"{prefix}{test}" for test in tests]].notna().all(axis=1)
    known = reason.isin([str(failure) for failure in Failure])
    told = (check[f"{prefix}message"] != "") == (reason == Failure.LIBRARY_ERROR)
    return check[check[f"{prefix}checked"].eq(True) & ~(known & (whole | (reason != "")) & told)]
