"""Energies and forces that another code gives for the structures of a dataset, found by their geometry."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from tutti import io
from tutti.core import ragged
from tutti.core.structures import Structures

TOLERANCE = 1e-4
"""Å: coordinates that differ by no more are the same, since files round them."""
ROUNDING = 1e-9
"""Å: what two lines of the same numbers may differ by when they are read."""
SAME_ENERGY = 1e-6
"""eV: energies of one geometry that differ by more are different predictions."""


def adopt(
    source: str | Path,
    structures: Structures,
    out: str | Path,
    units: Mapping[str, str],
    keys: Mapping[str, str | None],
) -> None:
    """Write the predictions in a file for a part of a dataset as `tutti.models.forcefields.predictions` does.

    Args:
        source: a file or folder that `tutti.io` reads.
        structures: of the part.
        out: the file (.npz of `Structures`); messages call the part by its name.
        units: see `tutti.io.read`.
        keys: likewise.

    Raises:
        FileNotFoundError, tutti.io.FormatError, ValueError: see `tutti.io.read` and `match`.
    """
    problem = f"{source}: no prediction for the {Path(out).stem} split:"
    match(structures, io.read(source, units=units, keys=keys), problem).save(out)


def match(structures: Structures, given: Structures, problem: str) -> Structures:
    """The structures with the energies and forces that are given for them, in whatever order.

    A structure is one with the same atoms in the same order at the same places (within `TOLERANCE`), in the
    same cell where both have cells.

    Args:
        structures: N of them.
        given: with energies, and forces where the structures have some; may hold more structures.
        problem: how the message about a missing one begins.

    Raises:
        ValueError: for the first structure that is not given, or is with different energies; and when no
            energies are given, or no forces.
    """
    for name in ("energy", "forces"):
        if getattr(given, name) is None and (name == "energy" or structures.forces is not None):
            raise ValueError(f"{given.source}: holds no {name} to compare with those of the dataset")
    rows = _rows(structures, given)
    missing = np.flatnonzero(rows < 0)
    if len(missing):
        first = int(missing[0])
        formula = next(structures[first : first + 1].to_ase()).get_chemical_formula()
        raise ValueError(
            f"{problem} its structure {first} ({formula}) is not in the file, nor are {len(missing) - 1} "
            "others; give all, with the atoms in the dataset's order and at its coordinates (Å)"
        )
    found = given[rows]
    source = "; ".join(filter(None, [structures.source, f"predicted: {given.source}"]))
    return replace(structures, energy=found.energy, forces=found.forces, source=source)


def _rows(structures: Structures, given: Structures) -> np.ndarray:
    """[N] the row of each structure among those given; -1 where there is none."""
    rows = np.full(len(structures), -1)
    with_cell = structures.cell is not None and given.cell is not None
    there = _by_composition(given)
    for numbers, wanted in _by_composition(structures).items():
        if numbers not in there:
            continue
        candidates = there[numbers]
        tree = KDTree(_coordinates(given, candidates, with_cell))
        asked = _coordinates(structures, wanted, with_cell)
        distances, nearest = tree.query(asked, k=2, p=np.inf, distance_upper_bound=TOLERANCE)
        _refuse_contradictions(given, candidates, distances, nearest)
        found = np.isfinite(distances[:, 0])
        rows[wanted[found]] = candidates[nearest[found, 0]]
    return rows


def _refuse_contradictions(
    given: Structures, candidates: np.ndarray, distances: np.ndarray, nearest: np.ndarray
) -> None:
    """Refuse two given structures that are as near to a wanted one, [N, 2], with different energies."""
    near = np.isfinite(distances[:, 1])
    pairs = candidates[nearest[near][np.diff(distances[near])[:, 0] < ROUNDING]]
    apart = np.abs(np.diff(given.energy[pairs], axis=1))[:, 0] > SAME_ENERGY
    if apart.any():
        first, second = sorted(pairs[apart][0].tolist())
        energies = f"{given.energy[first]:g} and {given.energy[second]:g} eV"
        raise ValueError(
            f"{given.source}: structures {first} and {second} have the same coordinates, and the energies "
            f"{energies}"
        )


def _by_composition(structures: Structures) -> dict[bytes, np.ndarray]:
    """Rows of the structures with each sequence of atoms."""
    rows: dict[bytes, list[int]] = {}
    for i in range(len(structures)):
        rows.setdefault(structures.frame(i)[0].tobytes(), []).append(i)
    return {numbers: np.array(each) for numbers, each in rows.items()}


def _coordinates(structures: Structures, rows: np.ndarray, with_cell: bool) -> np.ndarray:
    """[N, 3 n] Å of structures of n atoms, or [N, 3 n + 9] with their cells."""
    places = ragged.rows_of(rows, structures.offsets)
    positions = structures.positions[places].reshape(len(rows), -1)
    return np.hstack([positions, structures.cell[rows].reshape(-1, 9)]) if with_cell else positions
