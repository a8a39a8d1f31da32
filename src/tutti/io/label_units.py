"""Whether energies and forces can be in the units in which they are read."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from ase import units

from tutti.core.elements import SYMBOLS
from tutti.core.structures import Structures
from tutti.core.units import factor

CLOSE = 0.25
"""Å, root mean square: structures so alike are compared. Among random frames of small molecules at 500 K are
hundreds of such pairs, whose energies differ by 0.8 to 1.0 of what forces say; of molecules that fold few."""
PAIRS = (20, 150)
"""Least and most pairs that are compared."""
AS_FORCES_SAY, ROUGHLY = (0.65, 1.4), (0.2, 5.0)
"""What is right where pairs agree well with each other, and where they agree somewhat."""
SPRINGS = {6: 32.0, 7: 42.0, 8: 46.0}
"""eV/Å²: force constants of bonds of H to C, N and O."""
FAR_OFF = 3.0
"""A force constant that is so many times too large or small is in another unit."""
BOND = 1.35
"""Å: H is bonded to what is nearer."""
LIGHT = 10
"""Up to this element, valence electrons do not have a unit's factor less energy than all electrons."""
CONSTANTS = {
    "eV per Hartree": units.Hartree,
    "kcal/mol per eV": units.mol / units.kcal,
    "kJ/mol per eV": units.mol / units.kJ,
    "eV/Å per Hartree/bohr": units.Hartree / units.Bohr,
    "bohr per Å": 1 / units.Bohr,
    "kcal/mol per Hartree": units.Hartree * units.mol / units.kcal,
    "meV per eV": 1000.0,
}


def problems(structures: Structures, rows: np.ndarray) -> Iterator[str]:
    """What is wrong with energies and forces, a line for each problem that is found.

    Args:
        structures: as read, in eV and Å.
        rows: the structures to look at.
    """
    energy, forces = structures.energy, structures.forces
    energies = list(_of_all_electrons(structures, rows)) if energy is not None and energy.any() else []
    yield from energies
    if forces is not None and forces.any():
        yield from _springs(structures, rows)
        if energy is not None and energy.any() and not energies:
            yield from _energies_beside_forces(structures)


def _named(ratio: float) -> str:
    """The unit's factor that a ratio, or its inverse, is within the precision of the checks."""
    name, constant = min(CONSTANTS.items(), key=lambda item: abs(abs(np.log(ratio)) - np.log(item[1])))
    return f" ({constant:.4g} is {name})" if abs(abs(np.log(ratio)) - np.log(constant)) < 0.3 else ""


def _of_all_electrons(structures: Structures, rows: np.ndarray) -> Iterator[str]:
    """Energies of light molecules that are those of all electrons, but in another unit."""
    if structures.numbers.max(initial=0) > LIGHT:
        return
    expected = np.array([free_atoms_energy(structures.frame(i)[0]) for i in rows])
    filled = expected < 0
    ratios = structures.energy[rows][filled] / expected[filled]
    # No eV read as kJ/mol or kcal/mol: so small are energies of atomisation, too.
    wrong = {unit: 1 / factor(unit, "eV") for unit in ("Hartree", "kcal/mol", "kJ/mol")}
    wrong["eV, read as Hartree"] = factor("Hartree", "eV")
    for said, times in wrong.items():
        if len(ratios) and (np.abs(ratios / times - 1) < 0.04).mean() > 0.9:
            seen = f"{times:.4g} times those of all electrons of their atoms"
            hint = f"give units: {{energy: {said.partition(',')[0]}}}"
            yield f"energies are {seen}, as if they were in {said}: {hint}"


def free_atoms_energy(numbers: np.ndarray) -> float:
    """eV, of free atoms with all electrons, to 1 % from Li on: Schwinger, Phys. Rev. A 24, 2353 (1981)."""
    z = numbers.astype(float)
    return float((-0.768745 * z ** (7 / 3) + 0.5 * z**2 - 0.2699 * z ** (5 / 3)).sum() * units.Hartree)


def _springs(structures: Structures, rows: np.ndarray) -> Iterator[str]:
    """Forces on hydrogens that do not pull as strongly as bonds do."""
    lengths: dict[int, list[np.ndarray]] = {element: [] for element in SPRINGS}
    for i in rows[:: max(1, len(rows) // 64)]:
        _add_bonds(structures, i, lengths)
    for element, parts in lengths.items():
        bonds = np.concatenate(parts) if parts else np.empty((0, 2))
        if len(bonds) < PAIRS[0] or bonds[:, 0].std() < 0.005 or not bonds[:, 1].std():
            continue
        correlation, constant = np.corrcoef(bonds.T)[0, 1], bonds[:, 1].std() / bonds[:, 0].std()
        ratio = constant / SPRINGS[element]
        if correlation > 0.85:
            yield f"forces make long bonds of H to {SYMBOLS[element]} longer: they have the sign of gradients"
            return
        if correlation < -0.85 and not 1 / FAR_OFF < ratio < FAR_OFF:
            seen = f"forces on H change by {constant:.3g} eV/Å for each Å of its bonds to {SYMBOLS[element]}"
            yield f"{seen}, bonds have about {SPRINGS[element]:.0f}: give the unit of forces{_named(ratio)}"
            return


def _add_bonds(structures: Structures, i: int, lengths: dict[int, list[np.ndarray]]) -> None:
    """Length of each bond of H to C, N and O, and the force on H along it."""
    numbers, positions = structures.frame(i)
    hydrogens, others = np.flatnonzero(numbers == 1)[:64], np.flatnonzero(np.isin(numbers, list(lengths)))
    if not len(hydrogens) or not len(others):
        return
    away = positions[hydrogens, None] - positions[others]
    distances = np.linalg.norm(_nearest(structures, i, away), axis=2)
    nearest = distances.argmin(1)
    bond = np.arange(len(hydrogens)), nearest
    direction = _nearest(structures, i, away)[bond] / distances[bond][:, None]
    along = (structures.forces[structures.offsets[i] + hydrogens] * direction).sum(1)
    for element, found in lengths.items():
        of = (numbers[others[nearest]] == element) & (distances[bond] < BOND)
        found.append(np.stack([distances[bond][of], along[of]], 1))


def _nearest(structures: Structures, i: int, away: np.ndarray) -> np.ndarray:
    """Vectors to the nearest image, in cells that are not too oblique."""
    if structures.cell is None or not structures.pbc[i].any():
        return away
    cell = structures.cell[i] + np.diag(np.where(structures.pbc[i], 0.0, 1e6))
    return away - np.round(np.linalg.solve(cell.T, away.reshape(-1, 3).T).T.reshape(away.shape)) @ cell


def _energies_beside_forces(structures: Structures) -> Iterator[str]:
    """Energies of like structures that differ by another factor than the work of their forces."""
    rows = _alike(structures)
    if len(rows) < 3:
        return
    work, difference = _pairs(structures, rows)
    if len(work) < PAIRS[0] or not work.std() or not difference.std():
        return
    correlation, ratio = np.corrcoef(work, difference)[0, 1], difference.std() / work.std()
    seen = f"energies of {len(work)} pairs of like structures differ by {ratio:.3g} of what their forces say"
    if correlation < -0.8:
        yield f"{seen}, but with the other sign: forces are the negative gradient of the energy"
        return
    low, high = AS_FORCES_SAY if correlation > 0.8 else ROUGHLY
    if correlation > 0.5 and not low < ratio < high:
        yield f"{seen}: give the units of both{_named(ratio)}, such as units: {{energy: eV, forces: eV/Å}}"


def _alike(structures: Structures) -> np.ndarray:
    """Structures of the same atoms in the same cell, evenly spread ones and the ones after them."""
    sample = np.unique(np.linspace(0, len(structures) - 1, 2000).astype(int))
    kinds = {int(i): structures.frame(i)[0].tobytes() for i in sample}
    kind = Counter(kinds.values()).most_common(1)[0][0]
    if not kind:
        return np.empty(0, int)
    sample = np.array([i for i, found in kinds.items() if found == kind])
    most = int(np.clip(np.sqrt(200_000 / len(kind)), 8, 128))
    firsts = sample[np.unique(np.linspace(0, len(sample) - 1, most // 2).astype(int))]
    rows = np.unique(np.concatenate([firsts, firsts + 1]))
    rows = rows[rows < len(structures)]
    rows = np.array([i for i in rows if structures.frame(i)[0].tobytes() == kind])
    if structures.cell is not None:
        rows = rows[np.isclose(structures.cell[rows], structures.cell[rows[0]], atol=1e-6).all((1, 2))]
    return rows


def _pairs(structures: Structures, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Work against the forces, by the trapezoidal rule, and differences of energy of the closest pairs, eV.

    The second structure of a pair is turned onto the first, where they are free to turn.
    """
    atoms = structures.atom_rows(rows).reshape(len(rows), -1)
    positions, forces, energy = structures.positions[atoms], structures.forces[atoms], structures.energy[rows]
    i, j = np.triu_indices(len(rows), 1)
    if structures.cell is not None and structures.pbc[rows[0]].any():
        way = _nearest(structures, rows[0], positions[j] - positions[i])
        way -= way.mean(1, keepdims=True)
        second = forces[j]
    else:
        positions = positions - positions.mean(1, keepdims=True)
        turns = _turns(positions[i], positions[j])
        way, second = positions[j] @ turns - positions[i], forces[j] @ turns
    apart = np.sqrt((way**2).sum(2).mean(1))
    near = np.argsort(apart)[: PAIRS[1]]
    near = near[(apart[near] < CLOSE) & (apart[near] > 1e-4)]
    work = -0.5 * ((forces[i[near]] + second[near]) * way[near]).sum((1, 2))
    return work, energy[j[near]] - energy[i[near]]


def _turns(fixed: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """[p, 3, 3] rotations that bring `turned` @ rotation closest to `fixed` (Kabsch)."""
    u, _, vt = np.linalg.svd(np.einsum("pni,pnj->pij", turned, fixed))
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return u @ vt
