"""Are forces the gradient of the energy? By central differences of the energy along random directions."""

from collections.abc import Sequence

import ase
import numpy as np
from ase.calculators.calculator import BaseCalculator

from tutti.benchmark.forcefields.physics.calls import ask
from tutti.benchmark.forcefields.physics.curves import Curve
from tutti.statistics import errors
from tutti.statistics.estimate import Estimate, Row, row

KIND = "gradient"
STEP = 0.01  # Å
PLACES = np.array([-2, -1, 0, 1, 2])
WEIGHTS = np.array([1, -8, 0, 8, -1]) / 12
"""Of the energies at `PLACES`: the first derivative, with an error of the fourth power of the step."""
MEV = 1000.0


def probe(
    calculator: BaseCalculator, frames: Sequence[ase.Atoms], points: int, generator: np.random.Generator
) -> Curve:
    """Energy and force along a random direction of a random atom, `points` times, frame after frame.

    In the curve x counts the points, `energy` is -dE/dx by differences and `force` is F along the direction,
    both in eV/Å.
    """
    slopes, forces, failures = np.full(points, np.nan), np.full(points, np.nan), []
    for k in range(points):
        atoms = frames[k % len(frames)]
        atom, direction = generator.integers(len(atoms)), generator.normal(size=3)
        direction /= np.linalg.norm(direction)
        path = np.repeat(atoms.positions[None], len(PLACES), axis=0)
        path[:, atom] += STEP * PLACES[:, None] * direction
        found = ask(calculator, atoms, path)
        slopes[k] = -found.energy @ WEIGHTS / STEP
        forces[k] = found.forces[len(PLACES) // 2, atom] @ direction
        failures.append(found.failure)
    return Curve.of(KIND, "", np.arange(points), slopes, forces, note=next(filter(None, failures), ""))


def rows(curve: Curve, generator: np.random.Generator) -> list[Row]:
    """`gradient_error`, the mean of |F + dE/dx|, and `gradient_error_largest`, meV/Å."""
    differences = MEV * np.abs(curve.force - curve.energy)
    known = differences[np.isfinite(differences)]
    mean = errors.mean_absolute(errors.Differences.of_structures(known), generator)
    largest = Estimate(known.max()) if len(known) else Estimate(np.nan)
    typical = np.abs(curve.force[np.isfinite(curve.force)])
    remarks = [f"forces are {MEV * typical.mean():.3g} meV/Å in the mean" if len(typical) else ""]
    remarks += [f"step {STEP:g} Å", curve.failures]
    why = curve.note or "no points"
    return [
        row("gradient_error", "random directions", mean, len(known), "meV/Å", *remarks, undefined=why),
        row(
            "gradient_error_largest",
            "random directions",
            largest,
            len(known),
            "meV/Å",
            *remarks,
            undefined=why,
        ),
    ]
