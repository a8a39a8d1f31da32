"""Distance of bond angles from the reference, per type: maximum mean discrepancy and Wasserstein distance."""

import pandas as pd

from tutti.benchmark.metrics import bond_angles
from tutti.benchmark.metrics.mmd_tables import BOND_ANGLE, coordinate_table
from tutti.benchmark.samples.judged import Judged

TYPES = 10


def table(samples: Judged, reference: Judged, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """The ten most frequent types of the reference."""
    known = bond_angles.by_type(reference.bonded, TYPES)
    found = bond_angles.by_type(samples.bonded, list(known))
    return coordinate_table(BOND_ANGLE, found, known, model=model, dataset=dataset, seed=seed)
