"""Harmonic vibrations by finite differences of forces, and how two calculators' vibrations compare."""

from dataclasses import dataclass

import ase
import numpy as np
import pandas as pd
from ase import units
from ase.calculators.calculator import Calculator
from ase.optimize import BFGS
from scipy.linalg import null_space
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from tutti.core.randomness import numpy_generator
from tutti.simulation.guard import Guard, LostError
from tutti.simulation.whole import whole_motions
from tutti.statistics.bootstrap import REPLICATES, percentile_interval
from tutti.statistics.estimate import UNKNOWN, Estimate, row, table_of

DISPLACEMENT = 0.01  # Å
FORCE = 0.001  # eV/Å, at most, on an atom of a relaxed molecule
STEPS = 1000
RATTLE = 0.01  # Å, standard deviation of each coordinate

TO_WAVENUMBER = units._hbar * units.J * units.second / units.invcm
"""cm⁻¹ of an angular frequency of 1 in ASE's units."""


@dataclass(frozen=True)
class Vibrations:
    """Harmonic vibrations of a molecule in a minimum.

    Attributes:
        atoms: the relaxed molecule.
        frequencies: [M] ascending, cm⁻¹; imaginary ones are negative.
        modes: [M, n, 3] orthonormal in mass-weighted coordinates.
    """

    atoms: ase.Atoms
    frequencies: np.ndarray
    modes: np.ndarray


def relax(atoms: ase.Atoms, calculator: Calculator) -> ase.Atoms | str:
    """The molecule in a minimum with forces below `FORCE`, or why there is none: by BFGS.

    Atoms are first moved by `RATTLE`, or symmetry would hold a molecule on a saddle (as it does C20, which
    distorts). To compare with a reference, begin in its minimum, for there may be several.
    """
    relaxed = atoms.copy()
    relaxed.positions += numpy_generator(0, "relaxation").normal(scale=RATTLE, size=relaxed.positions.shape)
    relaxed.calc = Guard(calculator)
    try:
        converged = BFGS(relaxed, logfile=None).run(fmax=FORCE, steps=STEPS)
    except LostError as error:
        return f"the relaxation ended: {error}"
    relaxed.calc = None
    return relaxed if converged else f"no minimum after {STEPS} steps"


def hessian(atoms: ase.Atoms, calculator: Calculator) -> np.ndarray:
    """[3n, 3n] second derivatives of the energy (eV/Å²), symmetric, by central differences of forces."""
    moved = atoms.copy()
    moved.calc = calculator
    rows = np.empty((3 * len(atoms), 3 * len(atoms)))
    for k, (i, axis) in enumerate(np.ndindex(len(atoms), 3)):
        forces = []
        for sign in (1, -1):
            moved.positions = atoms.positions
            moved.positions[i, axis] += sign * DISPLACEMENT
            forces.append(moved.get_forces().ravel())
        rows[k] = (forces[1] - forces[0]) / (2 * DISPLACEMENT)
    return (rows + rows.T) / 2


def vibrations(atoms: ase.Atoms, calculator: Calculator) -> Vibrations:
    """Vibrations of a relaxed molecule, without its translations and rotations.

    Eigenvectors of the mass-weighted Hessian in the space orthogonal to the motions of the whole (Wilson,
    Decius, Cross, "Molecular Vibrations", 1955).
    """
    root = np.sqrt(np.repeat(atoms.get_masses(), 3))
    weighted = hessian(atoms, calculator) / np.outer(root, root)
    inner = null_space(whole_motions(atoms).T)
    squares, vectors = np.linalg.eigh(inner.T @ weighted @ inner)
    frequencies = np.sign(squares) * np.sqrt(np.abs(squares)) * TO_WAVENUMBER
    return Vibrations(atoms.copy(), frequencies, (inner @ vectors).T.reshape(len(squares), -1, 3))


@dataclass(frozen=True)
class Matched:
    """Vibrations of a model, each beside the one of the reference that it is.

    Attributes:
        frequencies: [M] of the model, cm⁻¹.
        reference: [M] of the reference, ascending, cm⁻¹.
        overlaps: [M] of the modes in mass-weighted coordinates, between 0 and 1.
        distance: root mean square distance of the two minima's atoms after superposition, Å.
    """

    frequencies: np.ndarray
    reference: np.ndarray
    overlaps: np.ndarray
    distance: float


def match(model: Vibrations, reference: Vibrations) -> Matched:
    """Pairs of modes with the largest sum of squared overlaps, once the molecules lie on each other.

    Raises:
        ValueError: when the molecules are not the same, or have different numbers of vibrations.
    """
    if not np.array_equal(model.atoms.numbers, reference.atoms.numbers):
        raise ValueError("vibrations are compared of the same atoms in the same order")
    if len(model.frequencies) != len(reference.frequencies):
        raise ValueError(f"{len(model.frequencies)} vibrations against {len(reference.frequencies)}")
    ours, theirs = (v.atoms.positions - v.atoms.get_center_of_mass() for v in (model, reference))
    rotation, _ = Rotation.align_vectors(theirs, ours, weights=model.atoms.get_masses())
    turned = rotation.apply(model.modes.reshape(-1, 3)).reshape(len(model.modes), -1)
    overlaps = np.abs(reference.modes.reshape(len(turned), -1) @ turned.T)
    rows, columns = linear_sum_assignment(overlaps**2, maximize=True)
    distance = np.sqrt(np.mean(np.sum((rotation.apply(ours) - theirs) ** 2, axis=1)))
    return Matched(
        model.frequencies[columns], reference.frequencies, overlaps[rows, columns], float(distance)
    )


def table(
    model_vibrations: Vibrations | str, reference: Vibrations, *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """`vibrational_frequency_mae` and `vibrational_frequency_max` (cm⁻¹), `minimum_rmsd` (Å).

    The interval is of a bootstrap over modes.

    Args:
        model_vibrations: in the model's own minimum, or why there is none (see `relax`).
        reference: the reference calculator's, in its own minimum.
        model: name for the table.
        dataset: name for the table.
        seed: for the table, and of the bootstrap.
    """
    why = ""
    errors, distance, remarks = np.empty(0), np.nan, [""]
    if isinstance(model_vibrations, str):
        why = model_vibrations
    else:
        matched = match(model_vibrations, reference)
        errors, distance = np.abs(matched.frequencies - matched.reference), matched.distance
        imaginary = np.count_nonzero(matched.frequencies < 0)
        remarks = [f"smallest overlap of matched modes {matched.overlaps.min():.2f}"]
        remarks += [f"{imaginary} imaginary frequencies"] if imaginary else []
    values = {
        ("vibrational_frequency_mae", "cm^-1"): _mean_error(errors, seed),
        ("vibrational_frequency_max", "cm^-1"): Estimate(errors.max() if len(errors) else np.nan),
        ("minimum_rmsd", "Å"): Estimate(distance),
    }
    rows = [
        row(metric, "harmonic", value, len(errors), unit, *remarks, undefined=why)
        for (metric, unit), value in values.items()
    ]
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def _mean_error(errors: np.ndarray, seed: int) -> Estimate:
    if len(errors) == 0:
        return UNKNOWN
    draws = numpy_generator(seed, "vibration bootstrap").choice(errors, (REPLICATES, len(errors)))
    return Estimate(float(errors.mean()), *percentile_interval(draws.mean(axis=1)))
