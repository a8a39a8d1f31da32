"""Are energy and forces smooth where an atom crosses the cutoff?"""

from collections.abc import Sequence

import ase
import numpy as np
from ase.calculators.calculator import BaseCalculator
from ase.neighborlist import neighbor_list

from tutti.benchmark.forcefields.physics.calls import ask
from tutti.benchmark.forcefields.physics.curves import Curve, largest_jump
from tutti.statistics.estimate import Estimate, Row, row

KIND = "cutoff"
STEP = 0.002  # Å
PLACES = np.arange(-20, 21)
"""Steps before and behind the crossing."""
MARGIN = 0.3  # Å: atoms of a periodic system that are moved to the cutoff are this near to it
MEV = 1000.0


def probe(
    calculator: BaseCalculator,
    frames: Sequence[ase.Atoms],
    cutoff: float | None,
    generator: np.random.Generator,
) -> Curve:
    """Jumps of energy (eV) and of any component of a force (eV/Å) at the cutoff; x counts the frames.

    In a periodic system the atom with a neighbour nearest to the cutoff crosses it. Molecules, which may be
    smaller, approach a copy of theirs until the first two atoms come within the cutoff.
    """
    if cutoff is None:
        return Curve.without(KIND, "", "no cutoff is known")
    places, energies, forces, notes = [], [], [], [""]
    for k, atoms in enumerate(frames):
        path = _crossing(atoms, cutoff) if atoms.pbc.any() else _approach(atoms, cutoff, generator)
        if path is None:
            notes.append(f"no two atoms {cutoff:g} Å apart")
            continue
        found = ask(calculator, *path)
        places.append(k)
        energies.append(largest_jump(found.energy))
        forces.append(largest_jump(found.forces))
        notes.append(found.failure)
    note = next(filter(None, notes), "")
    return Curve.of(KIND, f"{cutoff:g} Å", np.array(places), np.array(energies), np.array(forces), note=note)


def rows(curve: Curve) -> list[Row]:
    """`cutoff_energy_jump` (meV) and `cutoff_force_jump` (meV/Å), the largest found."""
    made = []
    for name, values, unit in (
        ("cutoff_energy_jump", curve.energy, "meV"),
        ("cutoff_force_jump", curve.force, "meV/Å"),
    ):
        known = MEV * values[np.isfinite(values)]
        largest = Estimate(known.max() if len(known) else np.nan)
        remarks = (f"cutoff {curve.name}" if len(known) else "", curve.failures)
        why = curve.note or "no structures"
        made.append(row(name, "all structures", largest, len(known), unit, *remarks, undefined=why))
    return made


def _crossing(atoms: ase.Atoms, cutoff: float) -> tuple[ase.Atoms, np.ndarray] | None:
    first, distance, vectors = neighbor_list("idD", atoms, cutoff + MARGIN)
    if not len(first) or (off := np.abs(distance - cutoff)).min() > MARGIN:
        return None
    k = off.argmin()
    outwards = -vectors[k] / distance[k]
    positions = np.repeat(atoms.positions[None], len(PLACES), axis=0)
    positions[:, first[k]] += (cutoff - distance[k] + STEP * PLACES)[:, None] * outwards
    return atoms, positions


def _approach(
    atoms: ase.Atoms, cutoff: float, generator: np.random.Generator
) -> tuple[ase.Atoms, np.ndarray]:
    direction = generator.normal(size=3)
    direction /= np.linalg.norm(direction)
    between = (atoms.positions[None, :] - atoms.positions[:, None]).reshape(-1, 3)
    along = between @ direction
    # |between + t direction| = cutoff, of the pair that comes within it first: at the largest t.
    inner = along**2 - np.sum(between**2, axis=1) + cutoff**2
    start = (np.sqrt(inner[inner >= 0]) - along[inner >= 0]).max()
    shifts = (start + STEP * PLACES)[:, None, None] * direction
    both = ase.Atoms(np.tile(atoms.numbers, 2), np.tile(atoms.positions, (2, 1)))
    positions = np.repeat(both.positions[None], len(PLACES), axis=0)
    positions[:, len(atoms) :] += shifts
    return both, positions
