"""What depends on the number of molecules that are scored, against that number."""

import numpy as np
import pandas as pd

from tutti import tables
from tutti.metrics import bond_lengths
from tutti.metrics.mmd_protocols import mmd_at_n
from tutti.metrics.rarefaction import rarefaction_table, sizes
from tutti.suite.judged import Judged


def table(samples: Judged, reference: Judged | None, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Uniqueness; with a reference also novelty and the mean discrepancy of bond lengths."""
    names = {"model": model, "dataset": dataset, "seed": seed}
    known = None if reference is None else set(reference.valid["smiles"])
    unique = rarefaction_table(samples.valid["smiles"], known, **names)
    if reference is None or unique.empty:
        return unique
    return pd.concat([unique, _discrepancies(samples, reference, names)], ignore_index=True)


def _discrepancies(samples: Judged, reference: Judged, names: dict[str, object]) -> pd.DataFrame:
    lengths = bond_lengths.by_type(reference.bonded)
    types = bond_lengths.most_frequent(lengths)
    found = bond_lengths.by_type(samples.bonded, types)
    known = {name: lengths[name] for name in types}
    rows = [
        {"subset": f"n={n}", "n": n, "value": mmd_at_n(found, known, n)} for n in sizes(len(samples.bonded))
    ]
    fixed = {"metric": "mmd_bond_length_full", "unit": "dimensionless", **names}
    fixed["note"] = (
        "mean over the reference's ten most frequent bond types, if they occur in the first n molecules"
    )
    missing = dict.fromkeys(["ci_low", "ci_high", "published"], np.nan)
    return tables.check(pd.DataFrame(rows).assign(**fixed, **missing))
