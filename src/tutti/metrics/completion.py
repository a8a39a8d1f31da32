"""How often a model completes real molecules that lack a hydrogen (Daigavane et al., ICLR 2024, table 4)."""

from collections.abc import Mapping

import pandas as pd

from tutti.metrics.proportions import Proportion, table


def completion_table(
    verdicts: Mapping[str, pd.DataFrame], *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """`valid_completion_rate` by split: the share of the molecules to be completed that came out valid.

    Args:
        verdicts: by split, what `tutti.bonds.pool.assign_all` returns; no rows if the model cannot complete.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table.
    """
    parts = []
    for split, rows in verdicts.items():
        note = "" if len(rows) else "the model does not make molecules atom by atom"
        rate = Proportion("valid_completion_rate", int(rows["valid"].sum()), len(rows), "completions", note)
        parts.append(table([rate], model=model, dataset=dataset, seed=seed, subset=split))
    return pd.concat(parts, ignore_index=True)
