"""Why samples are not valid, by assigner."""

import pandas as pd

from tutti.bonds.assignment import Reason
from tutti.metrics.proportions import Proportion
from tutti.metrics.proportions import table as proportions_table
from tutti.suite.judged import Judged


def table(samples: Judged, reference: Judged | None, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Share of all samples with each reason that occurs by any assigner; the reference is not used."""
    found = {reason for verdicts in samples.verdicts.values() for reason in verdicts["reason"]}
    reasons = [reason for reason in Reason if reason in found and reason != Reason.VALID]
    parts = []
    for assigner, verdicts in samples.verdicts.items():
        counts = verdicts["reason"].value_counts()
        shares = [Proportion(str(r), int(counts.get(str(r), 0)), len(verdicts), "samples") for r in reasons]
        shares.append(Proportion("valid", int(verdicts["valid"].sum()), len(verdicts), "samples"))
        parts.append(proportions_table(shares, model=model, dataset=dataset, seed=seed, subset=assigner))
    return pd.concat(parts, ignore_index=True)
