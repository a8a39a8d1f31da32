"""Jensen-Shannon divergence between frequencies of categories."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack
from scipy.special import rel_entr

from tutti.benchmark.metrics.frequencies import Counts, aligned
from tutti.core.randomness import numpy_generator
from tutti.statistics import comparisons
from tutti.statistics.bootstrap import Design, Inference, bootstrap
from tutti.statistics.comparisons import Entry
from tutti.statistics.estimate import table_of

_METRICS = ("jsd", "jsd_floor", "jsd_p_value")


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence [...] in nat, 0 ... ln 2, of counts p and q [..., K].

    Each is divided by its sum; NaN where that is 0. Lin, IEEE Trans. Inf. Theory 37, 145 (1991), with equal
    weights.
    """
    with np.errstate(invalid="ignore"):
        p = p / p.sum(axis=-1, keepdims=True)
        q = q / q.sum(axis=-1, keepdims=True)
    middle = (p + q) / 2
    return (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=-1) / 2


def jsd_table(
    samples: Mapping[str, Counts], reference: Mapping[str, Counts], *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """JSD of categories from the reference's, with bootstrap interval, null floor and p-value.

    Metrics, per key of the reference: `jsd`, `jsd_floor`, `jsd_p_value`; `n` is the number of the samples'
    molecules that have any of the categories: molecules with rings, for `ring_sizes`. These are what is
    resampled and permuted.

    Args:
        samples: counts of categories by key (`atom_types`, `local_environments`, `ring_sizes`).
        reference: the same; its keys are the table's.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table, and of all that is drawn here.
    """
    rows = []
    for key in reference:
        rows += [each.row(_unit(each.metric)) for each in _compare(key, samples[key], reference[key], seed)]
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def _compare(key: str, samples: Counts, reference: Counts, seed: int) -> list[Entry]:
    ours, theirs = (side.per_molecule for side in aligned(samples, reference))
    sides = (("samples", ours), ("reference", theirs))
    n = np.count_nonzero(ours.sum(axis=1))
    if empty := [name for name, counts in sides if not counts.data.any()]:
        why = f"nothing to count in the {' and the '.join(empty)}"
        return [Entry.undefined(metric, key, n, why) for metric in _METRICS]
    return comparisons.entries(_inference(ours, theirs, key, seed), _METRICS, key, n)


def _inference(ours: csr_array, theirs: csr_array, key: str, seed: int) -> Inference:
    """JSD of the counts [M, K] of either side, over molecules that have any."""
    chosen, other = (np.flatnonzero(counts.sum(axis=1)) for counts in (ours, theirs))
    multiplicity = bootstrap(ours.shape[0], numpy_generator(seed, "bootstrap of molecules"))[:, chosen]
    design = Design.of(multiplicity, len(other), numpy_generator(seed, f"permutations and floors of {key}"))
    counts = vstack([ours[chosen], theirs[other]], format="csr").astype(float)
    return design.inference(np.concatenate([jensen_shannon(*sets) for sets in design.sums(counts)]))


def _unit(metric: str) -> str:
    return "dimensionless" if metric == "jsd_p_value" else "nat"
