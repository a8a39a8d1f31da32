"""Uniqueness and novelty of any number of molecules, so that models can be compared at the same number.

Among n molecules drawn at random out of N, a SMILES that occurs c times is absent with the hypergeometric
probability C(N - c, n) / C(N, n); the expected number of distinct ones follows without any drawing (Hurlbert,
Ecology 52, 577, 1971).
"""

from collections.abc import Iterable
from itertools import count, takewhile

import numpy as np
import pandas as pd
from scipy.special import gammaln

from tutti.statistics.estimate import Estimate, row, table_of

NOTE = "expected value for n of the valid molecules, over all choices of them"


def sizes(total: int) -> list[int]:
    """10, 20, 50, 100, 200, 500, ... below `total`, and `total`."""
    series = (factor * 10**power for power in count(1) for factor in (1, 2, 5))
    return [*takewhile(lambda size: size < total, series), *([total] if total else [])]


def expected_distinct(occurrences: np.ndarray, n: int, total: int) -> float:
    """Expected number of distinct kinds among `n` of the items, drawn without replacement.

    Args:
        occurrences: [K] int, how often each kind that counts occurs.
        n: how many are drawn, at most `total`.
        total: number of items; more than the sum of the occurrences when not all kinds count.

    Raises:
        ValueError: when `n` is larger than `total`.
    """
    if n > total:
        raise ValueError(f"{n} items cannot be drawn out of {total}")
    left = total - occurrences
    possible = left >= n  # otherwise every draw holds the kind
    log_absent = _log_choose(left[possible], n) - _log_choose(total, n)
    return float(len(occurrences) - np.exp(log_absent).sum())


def _log_choose(total: np.ndarray | int, n: int) -> np.ndarray:
    return gammaln(total + 1) - gammaln(n + 1) - gammaln(total - n + 1)


def rarefaction_table(
    smiles: Iterable[str], training_smiles: set[str] | None, *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """Uniqueness (distinct / n) and novelty (novel / distinct) against the number n of valid molecules.

    Args:
        smiles: of the valid molecules.
        training_smiles: of the training molecules; None leaves novelty out.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table.

    Returns:
        The tidy table; `subset` is `n=10`, `n=20`, ..., and `n` that number. No interval: the values are
        exact for the molecules at hand.
    """
    occurrences = pd.Series(list(smiles), dtype=str).value_counts()
    counts, total = occurrences.to_numpy(), int(occurrences.sum())
    novel = counts[~occurrences.index.isin(training_smiles or ())]
    rows = []
    for n in sizes(total):
        distinct = expected_distinct(counts, n, total)
        values = {"uniqueness": distinct / n}
        if training_smiles is not None:
            values["novelty"] = expected_distinct(novel, n, total) / distinct
        rows += [row(metric, f"n={n}", Estimate(value), n, "1", NOTE) for metric, value in values.items()]
    return table_of(rows, model=model, dataset=dataset, seed=seed)
