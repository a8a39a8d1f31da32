"""Distances between distributions, and the rows of the tidy table that they become."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tutti.core import tidy
from tutti.statistics.bootstrap import PERMUTATIONS, Inference, percentile_interval
from tutti.statistics.estimate import Estimate, Row, joined, row

NO_FLOOR = "a null floor needs two molecules of the reference"
_ONE_MOLECULE = "no interval: one molecule only"
_BOOTSTRAP = "interval by bootstrap over molecules"
_BELOW = "below all null draws: closer to the reference than new molecules of the same distribution (copies?)"
_P_VALUE = f"p-value of {PERMUTATIONS} permutations of the molecules"
_FLOOR = "null floor: a part of the reference against the disjoint rest at the same number of molecules"
_EXTRAPOLATED = "null floor extrapolated from smaller parts"
_MEAN = "mean"
_TIE = 1e-6  # rounding leaves as much of a distance that is 0


@dataclass(frozen=True)
class Entry:
    """One number of the table.

    Attributes:
        metric: its name.
        subset: its key.
        value: NaN when undefined.
        n: the samples' observations.
        note: remarks.
        draws: [R] the bootstrap replicates or divisions of the reference, whose central 95 % is the
            interval. Draws of the same index belong together, so that a mean over keys can be drawn too.
        why: the value is undefined; empty when it is not.
    """

    metric: str
    subset: str
    value: float
    n: int
    note: str
    draws: np.ndarray
    why: str = ""

    @classmethod
    def undefined(cls, metric: str, subset: str, n: int, why: str, note: str = "") -> "Entry":
        """A number that does not exist, and why."""
        return cls(metric, subset, math.nan, n, note, np.empty(0), why)

    @classmethod
    def estimate(
        cls, metric: str, subset: str, value: float, n: int, note: str, replicates: np.ndarray
    ) -> "Entry":
        """A distance with its bootstrap replicates, NaN where undefined."""
        how = _ONE_MOLECULE if np.isnan(replicates).all() else _BOOTSTRAP
        return cls(metric, subset, value, n, joined(note, how), replicates)

    @classmethod
    def floor(cls, metric: str, subset: str, n: int, note: str, draws: np.ndarray) -> "Entry":
        """The mean distance in divisions of the reference, with the range that chance gives them."""
        if len(draws) == 0:
            return cls.undefined(metric, subset, n, NO_FLOOR, note)
        how = f"range of {len(draws)} divisions of the reference"
        return cls(metric, subset, float(draws.mean()), n, joined(note, how), draws)

    def row(self, unit: str) -> Row:
        """Its row of the tidy table, in a unit."""
        estimate = Estimate(self.value, *percentile_interval(self.draws))
        return row(self.metric, self.subset, estimate, self.n, unit, self.note, undefined=self.why)


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
    value = float(root(np.array(inference.estimate)))
    null = joined(note, _FLOOR, _EXTRAPOLATED if inference.extrapolated else "")
    floors = Entry.floor(floor, subset, n, null, root(inference.floors))
    return [
        _told(Entry.estimate(estimate, subset, value, n, note, root(inference.replicates)), floors),
        floors,
        Entry(p_value, subset, inference.p_value, n, joined(note, _P_VALUE), np.empty(0)),
    ]


def with_means(rows: list[Entry], metrics: list[str]) -> list[Entry]:
    """The rows, and for each of `metrics` one more: the mean over all keys.

    It is undefined when the metric is undefined in any key: nothing is gained by missing one. A mean of
    `x` that lies below all draws of that of `x_floor` says so, as the keys do: it tells smaller differences.
    """
    means = {metric: _mean([row for row in rows if row.metric == metric], metric) for metric in metrics}
    floors = {metric: means.get(f"{metric}_floor") for metric in metrics}
    return [
        *rows,
        *(_told(means[metric], floor) if floor else means[metric] for metric, floor in floors.items()),
    ]


def _told(row: Entry, floor: Entry) -> Entry:
    """The row, with a remark when it lies below all draws of its null floor."""
    if len(floor.draws) == 0 or not row.value < floor.draws.min() - _TIE:
        return row
    return replace(row, note=joined(row.note, _BELOW))


def _mean(rows: list[Entry], metric: str) -> Entry:
    n_defined = sum(not math.isnan(row.value) for row in rows)
    if n_defined == 0 or n_defined < len(rows):
        return Entry.undefined(metric, _MEAN, 0, f"{n_defined} of {len(rows)} keys occur")
    draws = np.mean([row.draws for row in rows], axis=0)
    notes = [tidy.split_remarks(row.note) for row in rows]
    # What is true of one key only stands in its own row.
    shared = [
        remark
        for remark in notes[0]
        if remark not in (_BELOW, _ONE_MOLECULE) and all(remark in note for note in notes)
    ]
    return Entry(
        metric=metric,
        subset=_MEAN,
        value=float(np.mean([row.value for row in rows])),
        n=sum(row.n for row in rows),
        note=joined(*shared, "no interval: a key has one molecule only" if np.isnan(draws).all() else ""),
        draws=draws,
    )
