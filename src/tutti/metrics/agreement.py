"""How far two assigners agree on the same samples."""

from collections.abc import Mapping
from itertools import combinations

import pandas as pd

from tutti.metrics.proportions import Proportion, table


def agreement_table(
    verdicts: Mapping[str, pd.DataFrame], *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """Pairwise agreement of assigners: who calls a sample valid, and whether the SMILES is the same.

    Per pair (`subset` is `first/second`): `both_valid`, `only_first_valid`, `only_second_valid` and
    `neither_valid` as shares of the samples, which add up to 1; `same_smiles` as share of those that both
    call valid. `lookup` gives the SMILES of the largest fragment, the others that of all fragments.

    Args:
        verdicts: by assigner, what `tutti.bonds.pool.assign_all` returns for the same samples.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table.

    Raises:
        ValueError: when two assigners judged different samples, or there is only one.
    """
    if len(verdicts) < 2:
        raise ValueError(f"agreement needs the verdicts of two assigners or more, got {list(verdicts)}")
    parts = []
    for first, second in combinations(verdicts, 2):
        if verdicts[first]["id"].tolist() != verdicts[second]["id"].tolist():
            raise ValueError(f"the verdicts of {first} and {second} are about different samples")
        shares = _shares(verdicts[first], verdicts[second])
        parts.append(table(shares, model=model, dataset=dataset, seed=seed, subset=f"{first}/{second}"))
    return pd.concat(parts, ignore_index=True)


def _shares(first: pd.DataFrame, second: pd.DataFrame) -> list[Proportion]:
    a, b = first["valid"].to_numpy(bool), second["valid"].to_numpy(bool)
    both = a & b
    same = int((first["smiles"].to_numpy(object)[both] == second["smiles"].to_numpy(object)[both]).sum())
    counts = {
        "both_valid": both,
        "only_first_valid": a & ~b,
        "only_second_valid": ~a & b,
        "neither_valid": ~(a | b),
    }
    shares = [Proportion(name, int(mask.sum()), len(first), "samples") for name, mask in counts.items()]
    return [*shares, Proportion("same_smiles", same, int(both.sum()), "samples valid by both")]
