"""Table 2: the tests of PoseBusters."""

import pandas as pd

from tutti.benchmark.metrics.posebusters import posebusters_table
from tutti.benchmark.samples.judged import Judged


def table(samples: Judged, reference: Judged | None, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Shares of the checked molecules; the reference is not used."""
    return posebusters_table(samples.checks["posebusters"], model=model, dataset=dataset, seed=seed)
