"""Why samples are not valid, by assigner."""

import pandas as pd

from tutti.benchmark.samples.judged import Judged
from tutti.chemistry.bonds.assignment import Reason, shown
from tutti.statistics.estimate import table_of
from tutti.statistics.proportions import share


def table(samples: Judged, reference: Judged | None, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Share of all samples with each reason that occurs by any assigner; the reference is not used."""
    found = {reason for verdicts in samples.verdicts.values() for reason in verdicts["reason"]}
    reasons = [reason for reason in Reason if reason in found and reason != Reason.VALID]
    rows = []
    for assigner, verdicts in samples.verdicts.items():
        n, counts = len(verdicts), verdicts["reason"].value_counts()
        rows += [share(str(r), shown(assigner), int(counts.get(str(r), 0)), n, "samples") for r in reasons]
        rows.append(share("valid", shown(assigner), int(verdicts["valid"].sum()), n, "samples"))
    return table_of(rows, model=model, dataset=dataset, seed=seed)
