"""Strain: how far samples are from the nearest minimum of GFN2-xTB.

GFN2-xTB: Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 15, 1652 (2019), with the program library tblite.
"""

import ctypes
import importlib.util
import os
from contextlib import suppress

import numpy as np
import pandas as pd
from scipy import stats

from tutti import tables
from tutti.bonds import xyz2mol
from tutti.metrics.permolecule import Failure, check_valid, failures
from tutti.metrics.proportions import Proportion
from tutti.randomness import numpy_generator
from tutti.structures import Structures

COLUMNS = {
    "energy_drop_per_atom": float,
    "heavy_atom_rmsd": float,
    "graph_survives": "boolean",
    "initial_force": float,
}
# eV/Å. What is left to the minimum: of 40 molecules of QM7, below 0.07 meV/atom and 0.03 Å for 90 %.
FORCE_THRESHOLD = 0.02
MAX_STEPS = 500
HEAVIEST = 86  # radon: the last element that GFN2-xTB has parameters for
RESAMPLES = 1000


def check_all(
    structures: Structures,
    verdicts: pd.DataFrame,
    jobs: int,
    time_limit: float = 120.0,
    progress: bool = True,
) -> pd.DataFrame:
    """Relax every sample that xyz2mol found valid, with a total charge of zero.

    Args:
        structures: N samples.
        verdicts: N rows, in the same order, of the assigner `xyz2mol`; the rows to relax are `valid`.
        jobs: number of worker processes, of one thread each.
        time_limit: s for one sample.
        progress: show a progress bar on stderr.

    Returns:
        N rows: `id`, `checked`, `energy_drop_per_atom` (meV/atom, from the sample to its minimum),
        `heavy_atom_rmsd` (Å, between the two; null without heavy atoms), `graph_survives` (xyz2mol gives both
        the same SMILES), `initial_force` (the largest on an atom of the sample, eV/Å), `reason`, `seconds`
        (see `tutti.metrics.permolecule.check_valid`). Reasons: `unsupported_element`, `scf` (not converged),
        `relaxation` (not converged within `MAX_STEPS`), `timeout`, `crash`.

    Raises:
        ModuleNotFoundError: without tblite.
    """
    if importlib.util.find_spec("tblite") is None:
        raise ModuleNotFoundError("strain needs tblite: install the extra 'xtb'")
    smiles = verdicts["smiles"].tolist()

    def check(index: int) -> tuple:
        _use_one_thread()
        return relax(*structures.frame(index), smiles[index])

    label = "strain" if progress else None
    return check_valid(check, structures, verdicts, COLUMNS, jobs=jobs, time_limit=time_limit, label=label)


def _use_one_thread() -> None:
    """Keep OpenMP, also one that the parent of this fork has loaded or used, from starting threads.

    tblite and torch share one OpenMP where both are loaded. With one thread it never asks for the pool of
    threads that a fork leaves behind, where it would wait forever.
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # for an OpenMP that is not loaded yet
    with suppress(OSError):  # an OpenMP of another name: tblite will load it, and read the environment
        ctypes.CDLL("libgomp.so.1").omp_set_num_threads(1)


def relax(numbers: np.ndarray, positions: np.ndarray, smiles: str) -> tuple:
    """(reason, *values of `COLUMNS`) of one sample; the values are None where they are not known.

    tblite takes an odd number of electrons as one unpaired.

    Args:
        numbers: [n] uint8, atomic numbers.
        positions: [n, 3] float, Å.
        smiles: what xyz2mol gives the sample.
    """
    # Not before the fork, see `_use_one_thread`.
    from tblite.exceptions import TBLiteRuntimeError

    from tutti.datasets import xtb

    nothing = (None,) * len(COLUMNS)
    if numbers.max() > HEAVIEST:
        return Failure.UNSUPPORTED_ELEMENT, *nothing
    try:
        way = xtb.minimise(numbers, positions, FORCE_THRESHOLD, MAX_STEPS)
    except TBLiteRuntimeError:
        return Failure.SCF, *nothing
    if not way.forces[1] <= FORCE_THRESHOLD:
        return Failure.RELAXATION, *nothing
    heavy = numbers > 1
    return (
        Failure.NONE,
        1000 * float(way.energies[0] - way.energies[1]) / len(numbers),
        superposed_rmsd(positions[heavy], way.positions[heavy]) if heavy.any() else None,
        xyz2mol.assign(numbers, way.positions).smiles == smiles,
        way.forces[0],
    )


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
    | energy_drop_median, energy_drop_mean | meV/atom | relaxed | `energy_drop_per_atom` |
    | heavy_atom_rmsd_median, heavy_atom_rmsd_mean | Å | relaxed | `heavy_atom_rmsd` |
    | graph_survives | 1 | relaxed | share with the same SMILES before and after |
    | relaxed | 1 | checked | share that could be relaxed; the note counts the reasons of the others |

    95 % intervals: percentile bootstrap over molecules, and Wilson for shares.

    Args:
        frame: what `check_all` returns.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table; also seeds the bootstrap.
    """
    checked = frame[frame["checked"]]
    relaxed = checked[checked["reason"] == Failure.NONE]
    of = "of relaxed molecules"
    rows = [
        _statistic(relaxed[column], f"{metric}_{name}", unit, of, seed)
        for metric, column, unit in (
            ("energy_drop", "energy_drop_per_atom", "meV/atom"),
            ("heavy_atom_rmsd", "heavy_atom_rmsd", "Å"),
        )
        for name in ("median", "mean")
    ]
    survivors = int(relaxed["graph_survives"].sum())
    others = failures(checked)
    note = f"not relaxed: {others}" if others else ""
    shares = [
        Proportion("graph_survives", survivors, len(relaxed), "relaxed molecules"),
        Proportion("relaxed", len(relaxed), len(checked), "checked valid molecules", note),
    ]
    where = {"model": model, "dataset": dataset, "seed": seed, "subset": "xyz2mol"}
    rows += [share.row() for share in shares]
    return tables.check(pd.DataFrame([{**where, **row} for row in rows]))


def _statistic(values: pd.Series, metric: str, unit: str, of: str, seed: int) -> dict[str, object]:
    """Columns of the tidy table for the median or mean (by the metric's last word) of the known values."""
    known = values.dropna().to_numpy(float)
    function = np.median if metric.endswith("median") else np.mean
    row = {"metric": metric, "unit": unit, "n": len(known), "published": np.nan, "note": of}
    if len(known) == 0:
        missing = "relaxed molecules" if values.empty else "relaxed molecule with heavy atoms"
        note = f"undefined: no {missing}; {of}"
        return {**row, "value": np.nan, "ci_low": np.nan, "ci_high": np.nan, "note": note}
    low = high = np.nan
    if len(known) > 1:
        interval = stats.bootstrap(
            (known,),
            function,
            method="percentile",
            n_resamples=RESAMPLES,
            batch=max(1, 10_000_000 // len(known)),
            rng=numpy_generator(seed, f"bootstrap of {metric}"),
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    return {**row, "value": float(function(known)), "ci_low": low, "ci_high": high}
