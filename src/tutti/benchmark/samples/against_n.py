"""What depends on the number of molecules that are scored, against that number."""

import math

import pandas as pd

from tutti.benchmark.metrics.mmd_protocols import mmd_at_n
from tutti.benchmark.metrics.rarefaction import rarefaction_table, sizes
from tutti.benchmark.samples.judged import Judged
from tutti.benchmark.samples.mmd_bond_length import lengths
from tutti.core import tidy
from tutti.statistics.estimate import Estimate, row, table_of

BOND_TYPES = 3  # so frequent that nearly every handful of molecules has them all
NOTE = (
    "mean over the reference's three most frequent bond types; without the numbers of molecules in which"
    " one of these does not occur twice"
)


def table(samples: Judged, reference: Judged | None, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Uniqueness; with a reference also novelty and the mean discrepancy of bond lengths."""
    names = {"model": model, "dataset": dataset, "seed": seed}
    known = (set() if reference is None else set(reference.valid["smiles"])) or None
    unique = rarefaction_table(samples.valid["smiles"], known, **names)
    if reference is None or unique.empty:
        return unique
    return tidy.join([unique, _discrepancies(samples, reference, names)])


def _discrepancies(samples: Judged, reference: Judged, names: dict[str, object]) -> pd.DataFrame:
    found, known = lengths(samples, reference, BOND_TYPES)
    values = {n: mmd_at_n(found, known, n) for n in sizes(len(samples.bonded))}
    rows = [
        row("mmd_bond_length_full", f"n={n}", Estimate(value), n, "dimensionless", NOTE)
        for n, value in values.items()
        if not math.isnan(value)
    ]
    return table_of(rows, **names)
