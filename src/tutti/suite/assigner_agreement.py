"""How far the assigners agree on the same samples."""

import pandas as pd

from tutti.metrics.agreement import agreement_table
from tutti.suite.judged import Judged


def table(samples: Judged, reference: Judged | None, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """All pairs of assigners; the reference is not used."""
    return agreement_table(samples.verdicts, model=model, dataset=dataset, seed=seed)
