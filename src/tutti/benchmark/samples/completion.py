"""How often a model completes real molecules that lack a hydrogen (Daigavane et al., ICLR 2024, table 4)."""

from collections.abc import Mapping

import pandas as pd

from tutti.statistics.estimate import table_of
from tutti.statistics.proportions import share


def table(verdicts: Mapping[str, pd.DataFrame], *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """`valid_completion_rate` by split: the share of the molecules to be completed that came out valid.

    Args:
        verdicts: by split, what `tutti.chemistry.bonds.pool.assign_all` returns.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table.
    """
    shares = []
    for split, rows in verdicts.items():
        valid = int(rows["valid"].sum())
        shares.append(share("valid_completion_rate", split, valid, len(rows), "completions"))
    return table_of(shares, model=model, dataset=dataset, seed=seed)
