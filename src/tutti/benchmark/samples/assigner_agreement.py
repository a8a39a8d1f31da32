"""How far the assigners agree on the same samples."""

from itertools import combinations

import pandas as pd

from tutti.benchmark.samples.judged import Judged
from tutti.chemistry.bonds.assignment import shown
from tutti.statistics.estimate import Row, table_of
from tutti.statistics.proportions import share


def table(samples: Judged, reference: Judged | None, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Pairwise agreement of assigners: who calls a sample valid, and whether the SMILES is the same.

    Per pair (`subset` is `first/second`): `both_valid`, `only_first_valid`, `only_second_valid` and
    `neither_valid` as shares of the samples, which add up to 1; `same_smiles` as share of those that both
    call valid. `lookup` gives the SMILES of the largest fragment, the others that of all fragments. The
    reference is not used.

    Raises:
        ValueError: when two assigners judged different samples, or there is only one.
    """
    verdicts = samples.verdicts
    if len(verdicts) < 2:
        raise ValueError(f"agreement needs the verdicts of two assigners or more, got {list(verdicts)}")
    rows = []
    for first, second in combinations(verdicts, 2):
        if verdicts[first]["id"].tolist() != verdicts[second]["id"].tolist():
            raise ValueError(f"the verdicts of {first} and {second} are about different samples")
        rows += _shares(f"{shown(first)}/{shown(second)}", verdicts[first], verdicts[second])
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def _shares(pair: str, first: pd.DataFrame, second: pd.DataFrame) -> list[Row]:
    a, b = first["valid"].to_numpy(bool), second["valid"].to_numpy(bool)
    both = a & b
    same = int((first["smiles"].to_numpy(object)[both] == second["smiles"].to_numpy(object)[both]).sum())
    counts = {
        "both_valid": both,
        "only_first_valid": a & ~b,
        "only_second_valid": ~a & b,
        "neither_valid": ~(a | b),
    }
    shares = [share(name, pair, int(mask.sum()), len(first), "samples") for name, mask in counts.items()]
    return [*shares, share("same_smiles", pair, same, int(both.sum()), "samples valid by both")]
