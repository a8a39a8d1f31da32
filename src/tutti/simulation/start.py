"""What the atoms that a simulation or a relaxation starts from must be, and which of them may move."""

import math

import ase
import numpy as np
from scipy.spatial import cKDTree

from tutti.core.ase_atoms import fixed_atoms, fixes_atoms
from tutti.simulation.guard import BEYOND

CLOSEST = 0.01
"""Å: atoms nearer to each other than this lie on one spot, where forces have no direction."""


def check_numbers(protocol: object, *further: str) -> None:
    """Refuse a protocol by which nothing can be simulated.

    Args:
        protocol: with `temperature`, `hottest` (K), `time_step`, `duration` (fs), `interval` and `n_frames`.
        further: other numbers of it that have to be positive.

    Raises:
        ValueError: naming the number.
    """
    for name in ("temperature", "time_step", "duration", "interval", *further):
        if not (math.isfinite(value := getattr(protocol, name)) and value > 0):
            raise ValueError(f"{name}: {value:g} is no positive number")
    if protocol.temperature > protocol.hottest:
        raise ValueError(f"temperature: {protocol.temperature:g} K is beyond {protocol.hottest:g} K")
    if not protocol.n_frames:
        raise ValueError(f"duration: {protocol.duration:g} fs are too short for a frame")


def held_atoms(atoms: ase.Atoms) -> np.ndarray:
    """[n] bool: the atoms that ASE's constraints hold where they are.

    Raises:
        ValueError: for constraints that do anything else.
    """
    if others := [type(each).__name__ for each in atoms.constraints if not fixes_atoms(each)]:
        raise ValueError(f"atoms with {others[0]}: of ASE's constraints only FixAtoms are kept to")
    return fixed_atoms(atoms.constraints, len(atoms))


def on_one_spot(atoms: ase.Atoms) -> str:
    """Which two atoms lie on one spot, images in periodic directions included; empty: none do.

    Where a coordinate is not finite, or beyond what a simulation follows, none are looked for.
    """
    if not (np.abs(atoms.positions) <= BEYOND).all():
        return ""
    cell = atoms.cell.complete().array if atoms.pbc.any() else np.eye(3)
    scaled = np.linalg.solve(cell.T, atoms.positions.T).T
    places = np.where(atoms.pbc, scaled % 1 % 1, scaled)  # twice: -1e-20 % 1 is 1, which is outside
    tree = cKDTree(places, boxsize=np.where(atoms.pbc, 1.0, 0.0))
    # No scaled vector is longer than its length by the largest stretch.
    near = tree.query_pairs(CLOSEST * np.linalg.norm(np.linalg.inv(cell), 2), output_type="ndarray")
    away = places[near[:, 0]] - places[near[:, 1]]
    away -= np.where(atoms.pbc, np.round(away), 0.0)
    same = near[np.linalg.norm(away @ cell, axis=1) < CLOSEST]
    if not len(same):
        return ""
    first, second = min(map(tuple, same.tolist()))
    return f"atoms {first} and {second} (from 0) lie on one spot"
