"""Two atoms, from where nothing can be to where they no longer feel each other, for all pairs of elements.

Force flips are counted as in ML-PEG (https://ddmms.github.io/ml-peg, "Physicality: Diatomics") and MLIP
Arena (Chiang et al., arXiv:2509.20630). A force field that was trained on molecules has seen few of these
distances: what is asked is not accuracy, but that atoms which come too close repel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import ase
import numpy as np
from ase.calculators.calculator import BaseCalculator
from ase.data import covalent_radii
from scipy.signal import find_peaks

from tutti.benchmark.forcefields.physics.calls import ask, ask_of
from tutti.benchmark.forcefields.physics.curves import ORDER, Curve, largest_jump
from tutti.core import elements
from tutti.statistics import errors
from tutti.statistics.estimate import Row, row

KIND, FREE = "diatomics", "free atoms"
NEAREST, NEAREST_SHARE = 0.3, 0.3
"""Shortest distance: Å, and in sums of the covalent radii; the longer of the two."""
FARTHEST, BEYOND_CUTOFF = 6.0, 1.0  # Å: longest distance, at least, and so much beyond the cutoff
APART = 50.0  # Å: the last point, as if infinitely far
STEP = 0.01  # Å
REPULSIVE = 0.7
"""In sums of the covalent radii: below this every pair repels. The shortest bonds, of N2 and CO, are 0.77."""
STILL = 0.01  # eV/Å: a smaller force has no direction
SHALLOW = 0.01  # eV: a shallower minimum or hole is none
MEV = 1000.0


@dataclass(frozen=True)
class Shape:
    """What is odd about a curve.

    Attributes:
        hole: how far the energy falls on the way in, below `REPULSIVE`: from its highest value so far, eV.
        flips: how often the force changes its direction; 1 of a bond, 0 of atoms that only repel.
        false_minima: minima of the energy beyond the first.
        jump: largest change of the energy from `REPULSIVE` on that its forces do not explain, eV.
        force_jump: largest step of the force there, eV/Å.
    """

    hole: float
    flips: int
    false_minima: int
    jump: float
    force_jump: float


def distances(first: int, second: int, cutoff: float | None) -> np.ndarray:
    """[X] of two elements (atomic numbers), Å, `STEP` apart; the last is `APART`."""
    bond = covalent_radii[first] + covalent_radii[second]
    start = max(NEAREST, NEAREST_SHARE * bond)
    end = max(FARTHEST, (cutoff or 0.0) + BEYOND_CUTOFF)
    return np.append(np.arange(start, end + STEP / 2, STEP), APART)


def probe(
    calculator: BaseCalculator, numbers: Sequence[int], cutoff: float | None, free: Mapping[str, float]
) -> list[Curve]:
    """The curve of each pair, and of each single atom.

    Of a pair x is the distance, `force` that on the second atom, away from the first. Of single atoms x is 0
    and `reference` their energy in the data.

    Args:
        calculator: of ASE.
        numbers: atomic numbers.
        cutoff: Å; None: not known.
        free: energies of isolated atoms in the data by symbol, eV.
    """
    curves = []
    for first, second in combinations_with_replacement(sorted(numbers), 2):
        x = distances(first, second, cutoff)
        positions = np.zeros((len(x), 2, 3))
        positions[:, 1, 0] = x
        found = ask(calculator, ase.Atoms([first, second], positions[0]), positions)
        name = f"{elements.symbol(first)}-{elements.symbol(second)}"
        curves.append(Curve.of(KIND, name, x, found.energy, found.forces[:, 1, 0], note=found.failure))
    for number in sorted(numbers):
        symbol = elements.symbol(number)
        found = ask_of(calculator, ase.Atoms([number], np.zeros((1, 3))))
        known = np.array([free.get(symbol, np.nan)])
        curves.append(Curve.of(FREE, symbol, np.zeros(1), found.energy, reference=known, note=found.failure))
    return curves


def shape(curve: Curve) -> Shape | None:
    """What is odd about a pair's curve up to `APART`, without points that failed; None of less than three."""
    kept = np.isfinite(curve.energy) & np.isfinite(curve.force) & (curve.x < APART)
    x, energy, force = curve.x[kept], curve.energy[kept], curve.force[kept]
    if len(x) < 3:
        return None
    inner = x < repulsive(curve.name)
    inwards = energy[inner][::-1]
    falls = np.maximum.accumulate(inwards) - inwards if len(inwards) else np.zeros(1)
    signs = np.sign(force[np.abs(force) >= STILL])
    minima, _ = find_peaks(-energy, prominence=SHALLOW)
    return Shape(
        hole=float(falls.max()),
        flips=int(np.count_nonzero(signs[1:] != signs[:-1])),
        false_minima=max(len(minima) - 1, 0),
        jump=_jump(x[~inner], energy[~inner], force[~inner]),
        force_jump=largest_jump(force[~inner]) if np.count_nonzero(~inner) > ORDER else 0.0,
    )


def rows(curves: Sequence[Curve], singles: Sequence[Curve], generator: np.random.Generator) -> list[Row]:
    """Means over the pairs, with a bootstrap over them; the worst pair in the note.

    `diatomic_hole_depth` (eV), `diatomic_force_flips`, `diatomic_false_minima`, `diatomic_energy_jump` (meV),
    `diatomic_force_jump` (eV/Å), and `dissociation_error` (meV): the energy of two atoms `APART` less that of
    two single ones, the model's own or, where they bring them, the data's.
    """
    shapes = {curve.name: found for curve in curves if (found := shape(curve)) is not None}
    remark = _failures(curves)
    kinds = {
        ("diatomic_hole_depth", "eV"): {name: each.hole for name, each in shapes.items()},
        ("diatomic_force_flips", "per pair"): {name: each.flips for name, each in shapes.items()},
        ("diatomic_false_minima", "per pair"): {name: each.false_minima for name, each in shapes.items()},
        ("diatomic_energy_jump", "meV"): {name: MEV * each.jump for name, each in shapes.items()},
        ("diatomic_force_jump", "eV/Å"): {name: each.force_jump for name, each in shapes.items()},
    }
    made = [
        _mean(metric, "all pairs", unit, values, generator, remark)
        for (metric, unit), values in kinds.items()
    ]
    own = {curve.name: curve.energy[0] for curve in singles}
    data = {curve.name: curve.reference[0] for curve in singles}
    for subset, free in (("own free atoms", own), ("the data's free atoms", data)):
        made.append(_dissociation(subset, curves, free, generator))
    return made


def _dissociation(
    subset: str, curves: Sequence[Curve], free: Mapping[str, float], generator: np.random.Generator
) -> Row:
    """Of those pairs of which all energies are known."""
    found = {}
    for curve in curves:
        apart = sum(free.get(symbol, np.nan) for symbol in curve.name.split("-"))
        found[curve.name] = MEV * abs(curve.energy[-1] - apart)
    known = {name: value for name, value in found.items() if np.isfinite(value)}
    if np.isnan([*free.values()]).all():
        return _mean("dissociation_error", subset, "meV", {}, generator, f"no energies of {subset}")
    lacking = ", ".join(name for name in found if name not in known)
    remark = f"energies of {lacking} are not known" if lacking else ""
    return _mean("dissociation_error", subset, "meV", known, generator, remark)


def _failures(curves: Sequence[Curve]) -> str:
    """Remark on the points that the calculator failed at; empty when there are none."""
    failed = {c.name: int(np.isnan(c.energy).sum()) for c in curves if np.isnan(c.energy).any()}
    if not failed:
        return ""
    reason = next(curve.note for curve in curves if curve.note)
    n, points = sum(failed.values()), sum(len(curve.x) for curve in curves)
    return f"{n} of {points} points failed ({', '.join(failed)}): {reason}"


def _mean(
    metric: str,
    subset: str,
    unit: str,
    values: Mapping[str, float],
    generator: np.random.Generator,
    remark: str,
) -> Row:
    found = np.array([*values.values()], float)
    mean = errors.mean_absolute(errors.Differences.of_structures(found), generator)
    worst = max(values, key=values.__getitem__, default="")
    told = f"worst {worst}: {values[worst]:.3g}" if worst and values[worst] > found.min() else ""
    undefined = remark or "no pairs"
    return row(
        metric, subset, mean, len(found), unit, told, remark if len(found) else "", undefined=undefined
    )


def repulsive(name: str) -> float:
    """Å, below which a pair such as `C-H` repels."""
    return REPULSIVE * sum(covalent_radii[elements.NUMBERS[symbol]] for symbol in name.split("-"))


def _jump(x: np.ndarray, energy: np.ndarray, force: np.ndarray) -> float:
    """Largest |E(x₂) - E(x₀) + ∫F dx| over two steps, the integral by Simpson's rule."""
    if len(x) < 3:
        return 0.0
    even = np.isclose(x[2:] - x[1:-1], STEP) & np.isclose(x[1:-1] - x[:-2], STEP)
    work = STEP / 3 * (force[:-2] + 4 * force[1:-1] + force[2:])
    left = np.abs(energy[2:] - energy[:-2] + work)[even]
    return float(left.max(initial=0.0))
