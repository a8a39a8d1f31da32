"""Energies along a coordinate that the data's own files scan."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import ase
import numpy as np
from ase.calculators.calculator import BaseCalculator
from scipy.signal import find_peaks

from tutti.benchmark.forcefields.physics.calls import ask_of
from tutti.benchmark.forcefields.physics.curves import Curve
from tutti.benchmark.forcefields.physics.settings import Scan
from tutti.core.structures import Structures
from tutti.io import read
from tutti.statistics import errors
from tutti.statistics.estimate import Estimate, Row, row

KIND = "scan"
SHALLOW = 0.01  # eV: a shallower minimum is none
MEV = 1000.0


def load(name: str, scan: Scan) -> dict[str, Structures]:
    """The frames of a scan in the order of its coordinate, by name; of several molecules several.

    Raises:
        ValueError: when the file lacks the column, energies, or frames that are asked for.
        FileNotFoundError, tutti.io.FormatError: see `tutti.io.read`.
    """
    found = read(Path(scan.path), units=scan.units)
    where = f"{scan.path}: scan '{name}'"
    for column in (scan.column, *scan.where):
        if column not in found.columns:
            raise ValueError(f"{where}: no column '{column}' among {sorted(found.columns)}")
    chosen = np.ones(len(found), bool)
    for column, value in scan.where.items():
        chosen &= found.columns[column].astype(str) == str(value)
    if found.energy is None:
        raise ValueError(f"{where}: the file has no energies to compare with")
    if not chosen.any():
        raise ValueError(f"{where}: no frames with {dict(scan.where)}")
    found = found[chosen]
    coordinate = found.columns[scan.column]
    if coordinate.dtype.kind not in "iuf" or not np.isfinite(coordinate).all():
        raise ValueError(f"{where}: the column '{scan.column}' has more than numbers: {coordinate[:3]} ...")
    found = found[np.argsort(coordinate, kind="stable")]
    kinds: dict[bytes, list[int]] = {}
    for k in range(len(found)):
        kinds.setdefault(found.frame(k)[0].tobytes(), []).append(k)
    if len(kinds) == 1:
        return {name: found}
    parts = [found[np.array(places)] for places in kinds.values()]
    return {f"{name} {ase.Atoms(part.frame(0)[0]).get_chemical_formula()}": part for part in parts}


def probe(calculator: BaseCalculator, scans: Mapping[str, Scan]) -> list[Curve]:
    """A curve of each scan: x is its coordinate, `energy` and `reference` as they are.

    Raises:
        ValueError: see `load`.
    """
    curves = []
    for name, scan in scans.items():
        for label, frames in load(name, scan).items():
            found = [ask_of(calculator, atoms) for atoms in frames.to_ase()]
            energy = np.array([each.energy[0] for each in found])
            note = next((each.failure for each in found if each.failure), "")
            x = frames.columns[scan.column].astype(float)
            curves.append(Curve.of(KIND, label, x, energy, reference=frames.energy, note=note))
    return curves


def relative(curve: Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinate, energy and reference (eV), [X] each, without points that failed, above their own lowest."""
    kept = np.isfinite(curve.energy)
    energy, reference = curve.energy[kept], curve.reference[kept]
    if not kept.any():
        return curve.x[kept], energy, reference
    return curve.x[kept], energy - energy.min(), reference - reference.min()


def rows(curves: Sequence[Curve], generator: np.random.Generator) -> list[Row]:
    """Of each scan `scan_rmse` and `scan_barrier_error` (meV), and `scan_false_minima`.

    Profiles are taken from their own lowest point. The barrier is the highest point above it, as in
    MLIPAudit's dihedral scans (https://instadeepai.github.io/mlipaudit); false minima are those in excess of
    the reference's.
    """
    made = []
    for curve in curves:
        _, energy, reference = relative(curve)
        differences = errors.Differences.of_structures(MEV * (energy - reference))
        error = errors.root_mean_squared(differences, generator)
        barriers = [values.max() if len(values) else np.nan for values in (energy, reference)]
        minima = [len(find_peaks(-values, prominence=SHALLOW)[0]) for values in (energy, reference)]
        excess = Estimate(max(minima[0] - minima[1], 0) if len(energy) else np.nan)
        barrier = Estimate(MEV * abs(barriers[0] - barriers[1]))
        told = f"barrier {MEV * barriers[0]:.4g} meV, reference {MEV * barriers[1]:.4g} meV"
        why = curve.note or "no points"
        n, failures = len(energy), curve.failures
        made += [
            row("scan_rmse", curve.name, error, n, "meV", failures, undefined=why),
            row("scan_barrier_error", curve.name, barrier, n, "meV", told, failures, undefined=why),
            row("scan_false_minima", curve.name, excess, n, "minima", failures, undefined=why),
        ]
    return made
