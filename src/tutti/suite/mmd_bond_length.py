"""Table 3, bond lengths: maximum mean discrepancy to the reference, per bond type."""

import pandas as pd

from tutti.metrics import bond_lengths
from tutti.metrics.mmd_tables import mmd_bond_length_table
from tutti.suite.judged import Judged


def table(samples: Judged, reference: Judged, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """The ten most frequent bond types of the reference."""
    known = bond_lengths.by_type(reference.bonded)
    types = bond_lengths.most_frequent(known)
    return mmd_bond_length_table(
        bond_lengths.by_type(samples.bonded, types),
        {name: known[name] for name in types},
        model=model,
        dataset=dataset,
        seed=seed,
    )
