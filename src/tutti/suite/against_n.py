"""What depends on the number of molecules that are scored, against that number."""

import numpy as np
import pandas as pd

from tutti import tables
from tutti.metrics.mmd_protocols import mmd_at_n
from tutti.metrics.rarefaction import rarefaction_table, sizes
from tutti.suite.judged import Judged
from tutti.suite.mmd_bond_length import lengths

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
    return tables.join([unique, _discrepancies(samples, reference, names)])


def _discrepancies(samples: Judged, reference: Judged, names: dict[str, object]) -> pd.DataFrame:
    found, known = lengths(samples, reference, BOND_TYPES)
    rows = [
        {"subset": f"n={n}", "n": n, "value": mmd_at_n(found, known, n)} for n in sizes(len(samples.bonded))
    ]
    fixed = {"metric": "mmd_bond_length_full", "unit": "dimensionless", "note": NOTE, **names}
    missing = dict.fromkeys(["ci_low", "ci_high", "published"], np.nan)
    defined = pd.DataFrame(rows, columns=["subset", "n", "value"]).dropna(ignore_index=True)
    return tables.check(defined.assign(**fixed, **missing))
