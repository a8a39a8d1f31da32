"""Table 3, bond lengths: maximum mean discrepancy to the reference, per bond type; Wasserstein distance."""

import pandas as pd

from tutti.benchmark.metrics import bond_lengths
from tutti.benchmark.metrics.mmd_protocols import Keyed
from tutti.benchmark.metrics.mmd_tables import mmd_bond_length_table
from tutti.benchmark.samples.judged import Judged

BOND_TYPES = 10


def lengths(samples: Judged, reference: Judged, n_types: int) -> tuple[Keyed, Keyed]:
    """Lengths of the reference's most frequent bond types, in the samples and in the reference."""
    known = bond_lengths.by_type(reference.bonded, n_types)
    return bond_lengths.by_type(samples.bonded, list(known)), known


def table(samples: Judged, reference: Judged, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """The ten most frequent bond types of the reference."""
    found, known = lengths(samples, reference, BOND_TYPES)
    return mmd_bond_length_table(found, known, model=model, dataset=dataset, seed=seed)
