"""Table 1 and what follows from it: validity, uniqueness, novelty, strictness and stability, per assigner."""

import pandas as pd

from tutti.benchmark.metrics.validity import validity_table
from tutti.benchmark.samples.judged import Judged


def table(samples: Judged, reference: Judged | None, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """All shares of `validity_table`; novelty against the reference as the same assigner sees it."""
    parts = []
    for assigner, verdicts in samples.verdicts.items():
        known = set() if reference is None else _smiles(reference.verdicts[assigner])
        names = {"model": model, "dataset": dataset, "seed": seed, "assigner": assigner}
        parts.append(validity_table(verdicts, known, samples.finished, **names))
    return pd.concat(parts, ignore_index=True)


def _smiles(verdicts: pd.DataFrame) -> set[str]:
    return set(verdicts.loc[verdicts["valid"], "smiles"])
