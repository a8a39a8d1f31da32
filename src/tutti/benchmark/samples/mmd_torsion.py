"""Distance of torsions from the reference, per type: maximum mean discrepancy and Wasserstein distance."""

import pandas as pd

from tutti.benchmark.metrics import torsions
from tutti.benchmark.metrics.mmd_tables import TORSION, coordinate_table
from tutti.benchmark.samples.judged import Judged

TYPES = 10


def table(samples: Judged, reference: Judged, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """The ten most frequent types of the reference."""
    known = torsions.by_type(reference.bonded, TYPES)
    found = torsions.by_type(samples.bonded, list(known))
    return coordinate_table(TORSION, found, known, model=model, dataset=dataset, seed=seed)
