"""Rows of the tidy table for distances between distributions."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tutti import tables
from tutti.metrics.resampling import PERMUTATIONS, Inference, mean_interval, percentile_interval

UNDEFINED = "undefined: "
NO_FLOOR = "undefined: a null floor needs two molecules of the reference"
ONE_MOLECULE = "no interval: one molecule only"
_P_VALUE = f"p-value of {PERMUTATIONS} permutations of the molecules"
_FLOOR = "null floor: a part of the reference against the disjoint rest at the same number of molecules"
_EXTRAPOLATED = "null floor extrapolated from smaller parts"
_MEAN = "mean"


@dataclass(frozen=True)
class Entry:
    """One number of the table.

    Attributes:
        metric: its name.
        subset: its key.
        value: NaN when undefined.
        n: the samples' observations.
        note: remarks; says why when undefined.
        draws: [R] the replicates, mini-batches or divisions of the reference that `interval` is made from.
            Draws of the same index belong together, so that a mean over keys can be drawn too.
        interval: 95 % interval from the draws.
    """

    metric: str
    subset: str
    value: float
    n: int
    note: str
    draws: np.ndarray
    interval: Callable[[np.ndarray], tuple[float, float]] = mean_interval

    @classmethod
    def undefined(cls, metric: str, subset: str, n: int, note: str) -> "Entry":
        """A number that does not exist; `note` holds why."""
        return cls(metric, subset, math.nan, n, note, np.empty(0))

    @classmethod
    def of_draws(cls, metric: str, subset: str, n: int, note: str, draws: np.ndarray) -> "Entry":
        """The mean of independent draws."""
        return cls(metric, subset, float(draws.mean()), n, note, draws)


def remarks(*notes: str) -> str:
    """Remarks that are not empty, as a note."""
    return "; ".join(note for note in notes if note)


def entries(
    inference: Inference,
    names: tuple[str, str, str],
    subset: str,
    n: int,
    note: str = "",
    root: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> list[Entry]:
    """Estimate with its bootstrap interval, null floor and p-value of one comparison.

    Args:
        inference: of the squared distance.
        names: of the three metrics.
        subset: key.
        n: the samples' observations.
        note: remarks for all three.
        root: from the squared distance to the one reported.
    """
    estimate, floor, p_value = names
    draws = root(inference.replicates)
    single = ONE_MOLECULE if np.isnan(draws).all() else ""
    value = float(root(np.array(inference.estimate)))
    rows = [Entry(estimate, subset, value, n, remarks(note, single), draws, percentile_interval)]
    if len(inference.floors):
        text = remarks(note, _FLOOR, _EXTRAPOLATED if inference.extrapolated else "")
        rows.append(Entry.of_draws(floor, subset, n, text, root(inference.floors)))
    else:
        rows.append(Entry.undefined(floor, subset, n, remarks(NO_FLOOR, note)))
    return [*rows, Entry(p_value, subset, inference.p_value, n, remarks(note, _P_VALUE), np.empty(0))]


def with_means(rows: list[Entry], metrics: list[str], n_keys: int) -> list[Entry]:
    """The rows, and for each of `metrics` one more: the mean over the keys in which it is defined."""
    means = [_mean([row for row in rows if row.metric == metric], metric, n_keys) for metric in metrics]
    return [*rows, *means]


def table(
    rows: list[Entry], unit: Callable[[str], str], *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """The tidy table.

    Args:
        rows: what it holds.
        unit: of each metric.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table.
    """
    return tables.check(
        pd.DataFrame(
            [
                {
                    "model": model,
                    "dataset": dataset,
                    "seed": seed,
                    "metric": row.metric,
                    "subset": row.subset,
                    "value": row.value,
                    **dict(zip(("ci_low", "ci_high"), row.interval(row.draws), strict=True)),
                    "n": row.n,
                    "unit": unit(row.metric),
                    "published": math.nan,
                    "note": row.note,
                }
                for row in rows
            ],
            columns=tables.COLUMNS,
        )
    )


def _mean(rows: list[Entry], metric: str, n_keys: int) -> Entry:
    defined = [row for row in rows if not math.isnan(row.value)]
    if not defined:
        return Entry.undefined(metric, _MEAN, 0, f"{UNDEFINED}no key has it")
    notes = list(dict.fromkeys(remark for row in defined for remark in row.note.split("; ") if remark))
    if len(defined) < n_keys:
        notes.append(f"mean of {len(defined)} keys of {n_keys}")
    return Entry(
        metric=metric,
        subset=_MEAN,
        value=float(np.mean([row.value for row in defined])),
        n=sum(row.n for row in defined),
        note=remarks(*notes),
        draws=np.mean([row.draws for row in defined], axis=0),
        interval=defined[0].interval,
    )
