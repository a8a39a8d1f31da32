"""Relaxation energies: how far the samples are from a minimum of GFN2-xTB."""

import pandas as pd

from tutti.benchmark.metrics.strain import strain_table
from tutti.benchmark.samples.judged import Judged


def table(samples: Judged, reference: Judged | None, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Shares of the checked molecules; the reference is not used."""
    return strain_table(samples.checks["strain"], model=model, dataset=dataset, seed=seed)
