"""Bond lengths, angles and clashes of all atoms, hydrogens included."""

import pandas as pd

from tutti.benchmark.metrics.geometry import geometry_table
from tutti.benchmark.samples.judged import Judged


def table(samples: Judged, reference: Judged | None, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Shares of the checked molecules; the reference is not used."""
    return geometry_table(samples.checks["geometry"], model=model, dataset=dataset, seed=seed)
