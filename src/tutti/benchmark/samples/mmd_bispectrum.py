"""Table 3, local environments: maximum mean discrepancy of their bispectra to the reference's."""

import pandas as pd

from tutti.benchmark.metrics import bispectrum
from tutti.benchmark.metrics.mmd_tables import mmd_bispectrum_table
from tutti.benchmark.samples.judged import Judged

PAPER_MOLECULES = 1000  # Daigavane et al. took the first 1000 valid molecules of each model


def table(samples: Judged, reference: Judged, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """The ten most frequent environments of the reference."""
    known = bispectrum.by_environment(reference.bonded)
    found = bispectrum.by_environment(samples.bonded, list(known))
    return mmd_bispectrum_table(
        found,
        known,
        {name: observed.head(PAPER_MOLECULES) for name, observed in found.items()},
        model=model,
        dataset=dataset,
        seed=seed,
    )
