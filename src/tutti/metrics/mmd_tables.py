"""Tables of the maximum mean discrepancy from a reference: bond lengths and bispectra."""

from dataclasses import replace

import numpy as np
import pandas as pd

from tutti.metrics import comparisons, mmd_protocols
from tutti.metrics.comparisons import Entry, remarks
from tutti.metrics.mmd_binned import BIN, bin_width, kernel_error
from tutti.metrics.mmd_protocols import BATCH, BATCHES, MAX_POINTS, NOTHING, Keyed
from tutti.metrics.observations import Observations

# By prefix of the metric: its variant and its columns.
_VARIANTS = {"mmd_bispectrum": ("all15", slice(15)), "mmd_bispectrum_even14": ("even14", slice(14))}

_PAPER = f"protocol=paper: mean of {BATCHES} mini-batches of {BATCH}, t-interval"
_PAPER_FLOOR = "null floor: the same protocol on two disjoint halves of the reference"
_FULL = "protocol=full: all pairs, bootstrap over the samples' molecules"
_CAPPED = f"a random {MAX_POINTS} environments of a side that has more"


def mmd_bond_length_table(
    samples: Keyed, reference: Keyed, *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """MMD of bond lengths by bond type, by the paper's protocol and in full, with null floors and p-values.

    Metrics, per key of the reference: `mmd_bond_length` (paper), `mmd_bond_length_paper_floor`,
    `mmd_bond_length_full`, `mmd_bond_length_full_floor`, `mmd_bond_length_p_value`; as subset `mean`, the
    mean of each but the last over the keys in which it is defined. Molecules without the bond type take no
    part in a comparison: "as many molecules" means as many that have it.

    Args:
        samples: lengths [n, 1] in Å by bond type.
        reference: the same; its keys are the table's.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table, and of all that is drawn here.
    """
    rows = []
    for key, theirs in reference.items():
        ours = samples.get(key, NOTHING)
        rows += _compare("mmd_bond_length", key, ours, theirs, ours, _range(ours, theirs), seed)
    return _table(rows, ["mmd_bond_length"], len(reference), model=model, dataset=dataset, seed=seed)


def mmd_bispectrum_table(
    samples: Keyed, reference: Keyed, paper_samples: Keyed, *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """MMD of bispectra by local environment: the metrics of `mmd_bond_length_table`, in two variants.

    `mmd_bispectrum...` has all 15 columns, `mmd_bispectrum_even14...` the 14 of even parity. In full, at
    most `mmd_protocols.MAX_POINTS` points of either side are compared: whole molecules in random order.

    Args:
        samples: bispectra [n, 15] by environment, the pseudoscalar last.
        reference: the same; its keys are the table's.
        paper_samples: the same of the samples' first 1000 valid molecules, for the paper's protocol.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table, and of all that is drawn here.
    """
    rows = []
    for name, (variant, columns) in _VARIANTS.items():
        for key, theirs in reference.items():
            sides = (samples.get(key, NOTHING), theirs, paper_samples.get(key, NOTHING))
            ours, theirs, paper = (replace(side, values=side.values[:, columns]) for side in sides)
            rows += _compare(name, key, ours, theirs, paper, f"variant={variant}", seed)
    return _table(rows, list(_VARIANTS), len(reference), model=model, dataset=dataset, seed=seed)


def _range(ours: Observations, theirs: Observations) -> str:
    """A remark where the lengths spread so far that the grid is too coarse for the usual accuracy."""
    lengths = np.concatenate([ours.values, theirs.values])
    if len(lengths) == 0 or (width := bin_width(lengths)) == BIN:
        return ""
    return (
        f"lengths spread over {np.ptp(lengths):.0f} Å: the kernel is off by up to {kernel_error(width):.1g}"
    )


def _compare(
    name: str, key: str, ours: Observations, theirs: Observations, paper: Observations, note: str, seed: int
) -> list[Entry]:
    return [
        *_by_paper(name, key, paper, theirs, note, seed),
        *_in_full(name, key, ours, theirs, note, seed),
    ]


def _by_paper(
    name: str, key: str, ours: Observations, theirs: Observations, note: str, seed: int
) -> list[Entry]:
    metrics, n = (name, f"{name}_paper_floor"), len(ours)
    if why := _why_undefined(ours, theirs):
        return [Entry.undefined(metric, key, n, remarks(why, note)) for metric in metrics]
    draws = mmd_protocols.paper(ours, theirs, key, seed)
    note = remarks(_PAPER, note)
    value = Entry.of_draws(metrics[0], key, n, note, draws)
    floors = mmd_protocols.paper_floor(theirs, key, seed)
    if len(floors) == 0:
        return [value, Entry.undefined(metrics[1], key, n, remarks(comparisons.NO_FLOOR, note))]
    return [value, Entry.of_draws(metrics[1], key, n, remarks(note, _PAPER_FLOOR), floors)]


def _in_full(
    name: str, key: str, ours: Observations, theirs: Observations, note: str, seed: int
) -> list[Entry]:
    metrics, n = (f"{name}_full", f"{name}_full_floor", f"{name}_p_value"), len(ours)
    if why := _why_undefined(ours, theirs):
        return [Entry.undefined(metric, key, n, remarks(why, note)) for metric in metrics]
    capped = max(map(mmd_protocols.is_capped, (ours, theirs)))
    note = remarks(_FULL, note, _CAPPED if capped else "")
    return comparisons.entries(
        mmd_protocols.full(ours, theirs, key, seed), metrics, key, n, note=note, root=np.sqrt
    )


def _why_undefined(ours: Observations, theirs: Observations) -> str:
    sides = {"samples": ours, "reference": theirs}
    short = " and the ".join(name for name, side in sides.items() if len(side) < 2)
    return f"{comparisons.UNDEFINED}fewer than 2 observations in the {short}" if short else ""


def _table(rows: list[Entry], names: list[str], n_keys: int, **where: str | int) -> pd.DataFrame:
    means = [f"{name}{ending}" for name in names for ending in ("", "_paper_floor", "_full", "_full_floor")]
    return comparisons.table(
        comparisons.with_means(rows, means, n_keys), lambda metric: "dimensionless", **where
    )
