"""Packed molecules with bonds for the tests of geometric metrics: hand-made ones, and real ones of QM7."""

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from ase.data import chemical_symbols

from tutti import io
from tutti.benchmark.metrics.bonded import Bonded
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.structures import Structures


def judged(molecules) -> tuple[Structures, pd.DataFrame]:
    """From (numbers, positions, [(first, second, order)]) of each; None for the bonds: not valid."""
    structures = Structures.from_frames([(numbers, positions) for numbers, positions, _ in molecules])
    bonds = [bonds or [] for *_, bonds in molecules]
    columns = {"valid": [bonds is not None for *_, bonds in molecules]}
    for i, name in enumerate(("bond_first", "bond_second", "bond_order")):
        columns[name] = pd.Series([[bond[i] for bond in of_one] for of_one in bonds], dtype=object)
    return structures, pd.DataFrame(columns)


def packed(molecules) -> Bonded:
    return Bonded.of(*judged(molecules))


@cache
def qm7(shared_data: Path, n: int = 400) -> tuple[Structures, pd.DataFrame]:
    """The first molecules of QM7 made of H, C, N, O, and what xyz2mol makes of them; a few are not valid."""
    structures = io.read(shared_data / "qm7.extxyz.gz")[: n + 200]
    hcno = [i for i in range(len(structures)) if set(structures.frame(i)[0].tolist()) <= {1, 6, 7, 8}][:n]
    structures = structures[hcno]
    return structures, assign_all(structures, "xyz2mol", 1, progress=False)


def loop(structures: Structures, verdicts: pd.DataFrame):
    """(numbers, positions, [(first, second, order)]) of each valid molecule, one by one."""
    for i, row in enumerate(verdicts.itertuples()):
        if row.valid:
            bonds = zip(row.bond_first, row.bond_second, row.bond_order, strict=True)
            yield *structures.frame(i), list(bonds)


def environments_of(molecules):
    """(name, row, molecule, rows of the neighbours) of each environment, found atom by atom."""
    start = 0
    for i, (numbers, _, bonds) in enumerate(molecules):
        for atom in range(len(numbers)):
            near = [b for a, b, _ in bonds if a == atom] + [a for a, b, _ in bonds if b == atom]
            counts = Counter(chemical_symbols[numbers[other]] for other in near)
            if len(near) >= 2:
                name = ",".join(f"{symbol}{count}" for symbol, count in sorted(counts.items()))
                name = f"{chemical_symbols[numbers[atom]]}:{name}"
                yield name, start + atom, i, {start + other for other in near}
        start += len(numbers)


# Formaldehyde, not valid, a lone atom, hydrogen, two waters in one sample.
_WATER = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
HAND = [
    (
        np.array([6, 8, 1, 1]),
        np.array([[0, 0, 0], [0, 0, 1.2], [0, 0.9, -0.6], [0, -0.9, -0.6]]),
        [(0, 1, 2.0), (0, 2, 1.0), (0, 3, 1.0)],
    ),
    (np.array([6, 6]), np.array([[0, 0, 0], [0, 0, 9.0]]), None),
    (np.array([7]), np.zeros((1, 3)), []),
    (np.array([1, 1]), np.array([[0, 0, 0], [0, 0.75, 0]]), [(0, 1, 1.0)]),
    (
        np.array([8, 1, 1, 1, 8, 1]),
        np.concatenate([_WATER, _WATER[[1, 0, 2]] + 5]),
        [(0, 1, 1.0), (0, 2, 1.0), (3, 4, 1.0), (4, 5, 1.0)],
    ),
]
EMPTY = {
    "no samples": [],
    "no valid molecule": [HAND[1]],
    "molecules without bonds": [HAND[2], HAND[2]],
}
