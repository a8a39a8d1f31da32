"""Energies of copies add up, and neither place, direction nor the atoms' order matter.

Extensivity as in ML-PEG (https://ddmms.github.io/ml-peg, "Physicality"): copies 100 Å apart against their
sum;
of periodic systems the repeated cell.
"""

from collections.abc import Iterator, Sequence

import ase
import numpy as np
from ase.calculators.calculator import BaseCalculator
from scipy.spatial.transform import Rotation

from tutti.benchmark.forcefields.physics.calls import ask_of
from tutti.benchmark.forcefields.physics.curves import Curve
from tutti.statistics.estimate import Estimate, Row, row

KIND = "whole"
COPIES = (2, 8)
GAP = 100.0  # Å between copies
SHIFT = 10.0  # Å, standard deviation of the translation along each axis
MEV = 1000.0


def probe(
    calculator: BaseCalculator, frames: Sequence[ase.Atoms], most_atoms: int, generator: np.random.Generator
) -> list[Curve]:
    """A curve for each change: x counts the frames, `energy` and `force` are the errors per atom (see below).

    `energy` is the difference of the energy from the one it should be over the number of atoms, `force` the
    largest difference of a component.
    """
    single = [ask_of(calculator, atoms) for atoms in frames]
    found: dict[str, list[tuple[float, float]]] = {}
    notes: dict[str, str] = {}
    for atoms, before in zip(frames, single, strict=True):
        for name, changed, expected in _changes(atoms, before.forces[0], generator):
            values = found.setdefault(name, [])
            if len(changed) > max(most_atoms, len(atoms)):
                notes.setdefault(name, f"more than {most_atoms} atoms")
                continue
            after = ask_of(calculator, changed)
            times = len(changed) // len(atoms)
            energy = abs(after.energy[0] - times * before.energy[0]) / len(changed)
            values.append((energy, np.abs(after.forces[0] - expected).max(initial=0)))
            if failure := before.failure or after.failure:
                notes.setdefault(name, failure)
    curves = []
    for name, values in found.items():
        energy, force = np.array(values).reshape(-1, 2).T
        curves.append(Curve.of(KIND, name, np.arange(len(energy)), energy, force, note=notes.get(name, "")))
    return curves


def rows(curves: Sequence[Curve]) -> list[Row]:
    """`extensivity_error` and `symmetry_error` (meV/atom), and those of forces (meV/Å): the largest found."""
    made = []
    for curve in curves:
        metric = "extensivity" if curve.name.endswith("copies") else "symmetry"
        for name, values, unit in (
            (f"{metric}_error", curve.energy, "meV/atom"),
            (f"{metric}_force_error", curve.force, "meV/Å"),
        ):
            known = MEV * values[np.isfinite(values)]
            largest = Estimate(known.max() if len(known) else np.nan)
            remarks = ("largest over the structures", curve.failures)
            why = curve.note or "no structures"
            made.append(row(name, curve.name, largest, len(known), unit, *remarks, undefined=why))
    return made


def copies(atoms: ase.Atoms, n: int) -> ase.Atoms:
    """2 or 8 copies, `GAP` apart; of what is periodic its cell twice along one or all periodic directions."""
    if atoms.pbc.any():
        times = np.where(atoms.pbc, 2, 1)
        if n == COPIES[0]:
            times[np.flatnonzero(atoms.pbc)[1:]] = 1
        return atoms.repeat(times)
    step = np.ptp(atoms.positions, axis=0) + GAP
    places = [place for place in np.ndindex(2, 2, 2)][:: 1 if n == COPIES[1] else 4]
    made = ase.Atoms()
    for place in places:
        copy = atoms.copy()
        copy.positions += step * place
        made += copy
    return made


def _changes(
    atoms: ase.Atoms, forces: np.ndarray, generator: np.random.Generator
) -> Iterator[tuple[str, ase.Atoms, np.ndarray]]:
    """Name, the changed structure and the forces that it should have."""
    copied = {len(found) // len(atoms): found for found in (copies(atoms, n) for n in COPIES)}
    for times, changed in copied.items():
        yield f"{times} copies", changed, np.tile(forces, (times, 1))
    moved = atoms.copy()
    moved.positions += generator.normal(scale=SHIFT, size=3)
    yield "translation", moved, forces
    turn = Rotation.random(random_state=generator)
    turned = atoms.copy()
    turned.set_cell(turn.apply(atoms.cell.array))
    turned.positions = turn.apply(atoms.positions)
    yield "rotation", turned, turn.apply(forces)
    order = generator.permutation(len(atoms))
    yield "permutation", atoms[order], forces[order]
