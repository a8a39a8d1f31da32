"""Strain: how far samples are from the nearest minimum of GFN2-xTB.

GFN2-xTB: Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 15, 1652 (2019), with the program library tblite.
"""

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pandas as pd
from scipy import stats

from tutti.benchmark.metrics.permolecule import CHECKED, Failure, check_valid, failures
from tutti.chemistry.bonds import xyz2mol
from tutti.chemistry.bonds.assignment import Known
from tutti.chemistry.bonds.pool import charge_of
from tutti.chemistry.internal_coordinates import bond_angles, lengths, spans, torsion_angles
from tutti.core import extras
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.statistics.estimate import UNKNOWN, Estimate, Row, row, table_of
from tutti.statistics.proportions import share

COLUMNS = {
    "energy_drop_per_atom": float,
    "heavy_atom_rmsd": float,
    "graph_survives": "boolean",
    "initial_force": float,
    "bond_length_change": float,
    "bond_angle_change": float,
    "torsion_change": float,
}
# eV/Å; relaxations end at half. What is left to the minimum: of 40 molecules of QM7, below 0.07 meV/atom
# and 0.03 Å for 90 %.
FORCE_THRESHOLD = 0.02
MAX_STEPS = 500
STRAIGHT = 170.0  # degrees: about bonds with wider angles in the minimum a torsion says nothing
HEAVIEST = 86  # radon: the last element that GFN2-xTB has parameters for
# An alkane of 452 atoms takes 0.4 GB and more than a minute, one of 2000 atoms 4.7 GB and no end is in sight.
MOST_ATOMS = 500
RESAMPLES = 1000
SUBSET = "xyz2mol"
"""The assigner whose valid molecules are relaxed, and whose SMILES must survive."""
MEASURED = {
    "energy_drop": ("energy_drop_per_atom", "meV/atom", ""),
    "heavy_atom_rmsd": ("heavy_atom_rmsd", "Å", " with heavy atoms"),
    "bond_length_change": ("bond_length_change", "Å", " with bonds"),
    "bond_angle_change": ("bond_angle_change", "degree", " with bond angles"),
    "torsion_change": ("torsion_change", "degree", " with torsions"),
}
"""Metrics with a median and a mean: their columns, units, and the molecules that have them."""


def check_all(
    structures: Structures,
    verdicts: pd.DataFrame,
    jobs: int,
    time_limit: float = 120.0,
    progress: bool = True,
) -> pd.DataFrame:
    """Relax every sample that xyz2mol found valid, with its total charge.

    Args:
        structures: N samples.
        verdicts: N rows, in the same order, of the assigner `xyz2mol`; the rows to relax are `valid`, and it
            is their bonds whose lengths and angles are compared.
        jobs: number of worker processes, of one thread each.
        time_limit: s for one sample.
        progress: show a progress bar on stderr.

    Returns:
        N rows: `id`, `checked`, `energy_drop_per_atom` (meV/atom, from the sample to its minimum),
        `heavy_atom_rmsd` (Å, between the two; null without heavy atoms), `graph_survives` (xyz2mol gives both
        the same SMILES), `initial_force` (the largest on an atom of the sample, eV/Å), `bond_length_change`
        (Å), `bond_angle_change` and `torsion_change` (degrees; null where there are none, see `changes`),
        `reason`, `message`, `seconds` (see `tutti.benchmark.metrics.permolecule.check_valid`). Reasons:
        `unsupported_element`, `too_many_atoms` (more than `MOST_ATOMS`), `scf` (not converged), `relaxation`
        (not converged within `MAX_STEPS`), `library_error`, `timeout`, `crash`.

    Raises:
        ModuleNotFoundError: without tblite.
    """
    if not extras.is_installed("tblite"):
        raise ModuleNotFoundError(f"strain: {extras.advice('tblite')}")
    smiles, first, second = (verdicts[name].tolist() for name in ("smiles", "bond_first", "bond_second"))

    def check(index: int) -> tuple:
        use_one_thread()
        bonds = np.array([first[index], second[index]], np.int64).T
        return relax(*structures.frame(index), smiles[index], bonds, charge_of(structures, index))

    label = "strain" if progress else None
    return check_valid(check, structures, verdicts, COLUMNS, jobs=jobs, time_limit=time_limit, label=label)


def use_one_thread() -> None:
    """Keep OpenMP, also one that the parent of this fork has loaded or used, from starting threads.

    tblite and torch share one OpenMP where both are loaded. With one thread it never asks for the pool of
    threads that a fork leaves behind, where it would wait forever.
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # for an OpenMP that is not loaded yet
    with suppress(OSError):  # an OpenMP of another name: tblite will load it, and read the environment
        ctypes.CDLL("libgomp.so.1").omp_set_num_threads(1)


def refusal(numbers: np.ndarray) -> Failure:
    """Why GFN2-xTB is not asked about a sample of atomic numbers [n]; `Failure.NONE` if it is."""
    if numbers.max() > HEAVIEST:
        return Failure.UNSUPPORTED_ELEMENT
    return Failure.TOO_MANY_ATOMS if len(numbers) > MOST_ATOMS else Failure.NONE


def relax(
    numbers: np.ndarray, positions: np.ndarray, smiles: str, bonds: np.ndarray, charge: int = 0
) -> tuple:
    """(reason, *values of `COLUMNS`) of one sample; the values are None where they are not known.

    tblite takes an odd number of electrons as one unpaired.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å.
        smiles: what xyz2mol gives the sample.
        bonds: [B, 2] int, atoms of its bonds.
        charge: of the whole.

    Raises:
        LibraryError: when tblite or ASE fail otherwise.
    """
    # Not before the fork, see `use_one_thread`.
    from tblite.exceptions import TBLiteRuntimeError

    from tutti.chemistry import xtb

    nothing = (None,) * len(COLUMNS)
    if (refused := refusal(numbers)) != Failure.NONE:
        return refused, *nothing
    try:
        way = xtb.minimise(numbers, positions, FORCE_THRESHOLD, MAX_STEPS, charge)
    except TBLiteRuntimeError:
        return Failure.SCF, *nothing
    if not way.forces[1] <= FORCE_THRESHOLD:
        return Failure.RELAXATION, *nothing
    heavy = numbers > 1
    return (
        Failure.NONE,
        1000 * float(way.energies[0] - way.energies[1]) / len(numbers),
        superposed_rmsd(positions[heavy], way.positions[heavy]) if heavy.any() else None,
        xyz2mol.assign(numbers, way.positions, Known(charge)).smiles == smiles,
        way.forces[0],
        *changes(positions, way.positions, bonds),
    )


def changes(before: np.ndarray, after: np.ndarray, bonds: np.ndarray) -> tuple[float | None, ...]:
    """Mean absolute changes in one molecule: of bond lengths (Å), bond angles and torsions (degrees).

    Nikitin et al., "GEOM-Drugs Revisited" (2025), who average over the bonds of all molecules. Torsions
    differ by 180° at most; those with an angle above `STRAIGHT` afterwards are left out, as they leave out
    those at triple bonds.

    Args:
        before: [n, 3] positions, Å.
        after: [n, 3] positions, Å.
        bonds: [B, 2] int, atoms of the bonds; all paths of two and of three bonds are looked at.

    Returns:
        None for what the molecule has none of.
    """
    angles, torsions = spans(bonds)
    widest = [bond_angles(*after[torsions[:, three].T]) for three in (slice(3), slice(1, None))]
    torsions = torsions[np.max(widest, axis=0) < STRAIGHT]
    now, then = (
        (lengths(*at[bonds.T]), bond_angles(*at[angles.T]), torsion_angles(*at[torsions.T]))
        for at in (after, before)
    )
    length, angle, torsion = (late - early for late, early in zip(now, then, strict=True))
    differences = (length, angle, (torsion + 180) % 360 - 180)
    return tuple(float(np.abs(each).mean()) if len(each) else None for each in differences)


def superposed_rmsd(first: np.ndarray, second: np.ndarray) -> float:
    """Root mean square distance of n >= 1 pairs of points after the best rotation and translation.

    Kabsch, Acta Cryst. A 32, 922 (1976); without reflections.

    Args:
        first: [n, 3], Å.
        second: [n, 3], Å.
    """
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    left, _, right = np.linalg.svd(first.T @ second)
    left[:, -1] *= np.sign(np.linalg.det(left @ right))
    return float(np.sqrt(((first @ left @ right - second) ** 2).sum(axis=1).mean()))


def strain_table(frame: pd.DataFrame, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Strain of the checked molecules, all with the subset `xyz2mol`.

    | metric | unit | of | what |
    |---|---|---|---|
    | energy_drop_median | meV/atom | checked | `energy_drop_per_atom` |
    | energy_drop_mean_of_relaxed | meV/atom | relaxed | the same |
    | heavy_atom_rmsd_median | Å | checked, with heavy atoms | `heavy_atom_rmsd` |
    | heavy_atom_rmsd_mean_of_relaxed | Å | relaxed, with heavy atoms | the same |
    | bond_length_change_median | Å | checked, with bonds | `bond_length_change` |
    | bond_angle_change_median | degree | checked, with bond angles | `bond_angle_change` |
    | torsion_change_median | degree | checked, with torsions | `torsion_change` |
    | graph_survives | 1 | checked | share with the same SMILES before and after |
    | relaxed | 1 | checked | share that could be relaxed; the note counts the reasons of the others |

    With each of the medians of changes stands the mean, as with that of the RMSD.

    A molecule that could not be relaxed does not survive, and in a median it counts as larger than any value:
    the median is undefined when these are half or more, and has no interval when an end of it would be such
    a molecule. Means leave them out.

    95 % intervals: percentile bootstrap over molecules, and Wilson for shares.

    Args:
        frame: what `check_all` returns.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table; also seeds the bootstrap.
    """
    checked = frame[frame["checked"]]
    relaxed = checked[checked["reason"] == Failure.NONE]
    lost = failures(checked)
    rows = []
    for metric, (column, unit, having) in MEASURED.items():
        known = relaxed[column].dropna().to_numpy(float)
        values = np.concatenate([known, np.full(len(checked) - len(relaxed), np.inf)])
        rows += [
            _median(f"{metric}_median", values, unit, CHECKED + having, lost, seed),
            _mean_of_relaxed(f"{metric}_mean", known, unit, f"relaxed molecules{having}", lost, seed),
        ]
    survivors = int(relaxed["graph_survives"].sum())
    counted = f"not relaxed, counted as not surviving: {lost}" if lost else ""
    counts = f"not relaxed: {lost}" if lost else ""
    rows += [
        share("graph_survives", SUBSET, survivors, len(checked), CHECKED, counted),
        share("relaxed", SUBSET, len(relaxed), len(checked), CHECKED, counts),
    ]
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def _median(metric: str, values: np.ndarray, unit: str, whose: str, lost: str, seed: int) -> Row:
    """The row of the median of values [n], infinite where a molecule could not be relaxed."""
    found = _finite(_bootstrapped(values, np.median, metric, seed))
    remarks = [f"of {whose}", f"not relaxed, counted as larger than any value: {lost}" if lost else ""]
    if not np.isnan(found.value) and np.isnan(found.high) and len(values) > 1:
        remarks.append("no interval: its end is beyond the values of the relaxed")
    why = "half of the molecules or more could not be relaxed" if len(values) else f"no {whose}"
    return row(metric, SUBSET, found, len(values), unit, *remarks, undefined=why)


def _mean_of_relaxed(metric: str, known: np.ndarray, unit: str, whose: str, lost: str, seed: int) -> Row:
    """The row of the mean of the known values [n]."""
    found = _bootstrapped(known, np.mean, metric, seed)
    remarks = [f"of {whose}", f"left out, not relaxed: {lost}" if lost else ""]
    return row(f"{metric}_of_relaxed", SUBSET, found, len(known), unit, *remarks, undefined=f"no {whose}")


def _finite(estimate: Estimate) -> Estimate:
    """Without what is infinite: all of it, or the interval."""
    if not np.isfinite(estimate.value):
        return UNKNOWN
    return estimate if np.isfinite([estimate.low, estimate.high]).all() else Estimate(estimate.value)


def _bootstrapped(
    values: np.ndarray, statistic: Callable[..., np.ndarray], purpose: str, seed: int
) -> Estimate:
    """A statistic of values [n] that may be infinite, with its percentile interval if there are two."""
    if len(values) == 0:
        return UNKNOWN
    if len(values) == 1:
        return Estimate(float(statistic(values)))
    with np.errstate(invalid="ignore"):  # ∞ - ∞ between the order statistics of infinite replicates
        interval = stats.bootstrap(
            (values,),
            statistic,
            method="percentile",
            n_resamples=RESAMPLES,
            batch=max(1, 10_000_000 // len(values)),
            rng=numpy_generator(seed, f"bootstrap of {purpose}"),
        ).confidence_interval
    return Estimate(float(statistic(values)), float(interval.low), float(interval.high))
