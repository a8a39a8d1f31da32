"""Time per force call of a force field, and of GFN-xTB for the same atoms on the same machine.

What is timed must run alone on its threads.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import ase
import numpy as np
import pandas as pd
import torch

from tutti.benchmark.forcefields import force_calls
from tutti.benchmark.forcefields.simulations import reference_calculator
from tutti.core.progress import Progress
from tutti.core.structures import Structures
from tutti.core.timing import geometric_mean, openmp, where
from tutti.models.forcefields.calculator import Calculator, open_calculator
from tutti.statistics.estimate import Estimate, Row, row, table_of

METRIC = "force_call_time"
CUBIC = 8  # times as long takes xTB for twice the atoms, when there are many
SLOWEST = 3.0  # s


def table(
    weights: str | Path,
    structures: Structures,
    *,
    model: str,
    dataset: str,
    seed: int,
    most_atoms: int = 2000,
    batch_sizes: Sequence[int] = (10, 100),
    accelerator: str = "auto",
) -> pd.DataFrame:
    """`force_call_time` (ms) and `force_call_time_per_atom` (µs/atom) through the ASE calculator.

    One call gives energy and forces of atoms that have moved, and finds their neighbours anew. Subsets:
    `21 atoms`, `42 atoms`, ... of the first structure and of ever twice as many atoms (see
    `inference.doubled`); and `21 atoms, batch 10`, ... of the first structure in batches, where the time is
    of a whole batch. Of another code, systems are left out of which a call may take longer than about
    `SLOWEST`. Geometric means over `inference.CALLS` calls with their t-interval.

    Args:
        weights: folder of a force field, trained here or of another code; the latter has no batches.
        structures: the first one is taken.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table, and of the displacements.
        most_atoms: the largest system that is timed has at most so many, or is the first structure.
        batch_sizes: of batches; single structures are timed in any case.
        accelerator: "auto", "cpu" or "cuda".

    Raises:
        FileNotFoundError, ValueError: see `tutti.models.forcefields.calculator.open_calculator`.
    """
    calculator = open_calculator(weights, accelerator)
    device, first = calculator.device, next(structures[:1].to_ase())
    batch_sizes = [size for size in batch_sizes if size > 1 and isinstance(calculator, Calculator)]
    systems = list(_growing(first, most_atoms))
    progress = Progress("inference time", len(systems) + len(batch_sizes))
    rows = []
    for atoms in systems:
        times = force_calls.single(atoms, calculator, seed, device)
        rows += _rows(atoms, times, 1, where(device))
        progress.update()
        if not isinstance(calculator, Calculator) and CUBIC * times.mean() > SLOWEST:
            break
    for size in batch_sizes:
        rows += _rows(first, force_calls.batched(first, calculator, size, seed), size, where(device))
        progress.update()
    progress.close()
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def xtb_table(structures: Structures, *, dataset: str, seed: int, most_atoms: int = 2000) -> pd.DataFrame:
    """The same of GFN2-xTB, or of GFN1-xTB for periodic atoms, without batches.

    Every call starts from the density of the call before, as in molecular dynamics. Systems are left out of
    which a call would take longer than about `SLOWEST`.

    Args:
        structures: the first one is taken.
        dataset: name for the table.
        seed: for the table, and of the displacements.
        most_atoms: see `table`.

    Raises:
        ModuleNotFoundError: without tblite.
    """
    first = next(structures[:1].to_ase())
    method = "GFN1-xTB" if first.pbc.any() else "GFN2-xTB"
    rows = []
    for atoms in _growing(first, most_atoms):
        times = force_calls.single(atoms, reference_calculator(method), seed, torch.device("cpu"))
        rows += _rows(atoms, times, 1, openmp())
        if CUBIC * times.mean() > SLOWEST:
            break
    return table_of(rows, model=method, dataset=dataset, seed=seed)


def _growing(first: ase.Atoms, most_atoms: int) -> Iterator[ase.Atoms]:
    """The atoms, twice as many, ..., as long as there are not too many."""
    atoms = first
    while True:
        yield atoms
        if 2 * len(atoms) > most_atoms:
            return
        atoms = force_calls.doubled(atoms)


def _rows(atoms: ase.Atoms, times: np.ndarray, batch_size: int, place: str) -> list[Row]:
    """Rows of the times [CALLS] (s) of one system."""
    subset = f"{len(atoms)} atoms" + (f", batch {batch_size}" if batch_size > 1 else "")
    note = f"on {place}; geometric mean of {len(times)} calls"
    found = Estimate(*geometric_mean(times))
    scales = {METRIC: (1e3, "ms"), f"{METRIC}_per_atom": (1e6 / (len(atoms) * batch_size), "µs/atom")}
    return [
        row(metric, subset, found.scaled(scale), len(times), unit, note)
        for metric, (scale, unit) in scales.items()
    ]
