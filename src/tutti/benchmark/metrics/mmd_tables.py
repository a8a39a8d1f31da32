"""Tables of the maximum mean discrepancy from a reference: bond lengths and bispectra."""

from dataclasses import replace

import numpy as np
import pandas as pd

from tutti.benchmark.metrics import mmd_protocols
from tutti.benchmark.metrics.mmd_binned import BIN, bin_width, kernel_error
from tutti.benchmark.metrics.mmd_protocols import BATCH, BATCHES, NOTHING, Keyed
from tutti.statistics import comparisons
from tutti.statistics.bootstrap import Inference
from tutti.statistics.comparisons import Entry
from tutti.statistics.estimate import joined, table_of
from tutti.statistics.observations import Observations

_PAPER = f"protocol=paper: mean over {BATCHES} mini-batches of {BATCH}"
_BATCH_NOISE = "interval widened by the noise of the mini-batches"
_PAPER_FLOOR = (
    "null floor: mini-batches of a part of the reference with as many molecules as the samples,"
    " and of the disjoint rest"
)
_SMALLER_PARTS = "null floor from parts smaller than the samples"
_FULL = "protocol=full: all pairs"


def mmd_bond_length_table(
    samples: Keyed, reference: Keyed, *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """MMD of bond lengths by bond type, by the paper's protocol and in full, with null floors and p-values.

    Metrics, per key of the reference: `mmd_bond_length` (paper), `mmd_bond_length_paper_floor`,
    `mmd_bond_length_full`, `mmd_bond_length_full_floor`, `mmd_bond_length_p_value`; as subset `mean`, the
    mean of each but the last over the keys, undefined when it is undefined in one. Molecules without the
    bond type take no part in a comparison: "as many molecules" means as many that have it.

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
    return _table(rows, ["mmd_bond_length"], model=model, dataset=dataset, seed=seed)


def mmd_bispectrum_table(
    samples: Keyed, reference: Keyed, paper_samples: Keyed, *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """MMD of bispectra by local environment: the metrics of `mmd_bond_length_table`, in two variants.

    `mmd_bispectrum...` has all 15 columns, `mmd_bispectrum_even14...` the 14 of even parity. In full, at
    most `mmd_protocols.MAX_POINTS` points of either side are compared: whole molecules in random order.

    Args:
        samples: bispectra [n, 15] by environment, the pseudoscalar last.
        reference: the same; its keys are the table's.
        paper_samples: the same of the samples' first 1000 valid molecules, for the paper's protocol; with
            as many molecules as `samples`, these.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table, and of all that is drawn here.
    """
    # Brings torch and e3nn, which take seconds and bond lengths do not need.
    from tutti.benchmark.metrics.bispectrum import EVEN

    variants = {"mmd_bispectrum": ("all15", slice(None)), "mmd_bispectrum_even14": ("even14", EVEN)}
    rows = []
    for name, (variant, columns) in variants.items():
        for key, theirs in reference.items():
            sides = (samples.get(key, NOTHING), theirs, paper_samples.get(key, NOTHING))
            ours, theirs, paper = (replace(side, values=side.values[:, columns]) for side in sides)
            rows += _compare(name, key, ours, theirs, paper, f"variant={variant}", seed)
    return _table(rows, list(variants), model=model, dataset=dataset, seed=seed)


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
    full, inference = _in_full(name, key, ours, theirs, note, seed)
    if paper.n_molecules != ours.n_molecules:  # otherwise both are the same
        _, inference = _in_full(name, key, paper, theirs, note, seed)
    return [*_by_paper(name, key, paper, theirs, inference, note, seed), *full]


def _by_paper(
    name: str,
    key: str,
    ours: Observations,
    theirs: Observations,
    inference: Inference | None,
    note: str,
    seed: int,
) -> list[Entry]:
    value, floor, n = name, f"{name}_paper_floor", len(ours)
    if inference is None:
        why = _why_undefined(ours, theirs)
        return [Entry.undefined(metric, key, n, why, note) for metric in (value, floor)]
    note = joined(_PAPER, note)
    draws = mmd_protocols.paper(ours, theirs, key, seed)
    replicates = mmd_protocols.paper_replicates(draws, inference, key, seed)
    n_ours, n_theirs = (len(np.unique(side.molecule)) for side in (ours, theirs))
    null = joined(note, _PAPER_FLOOR, _SMALLER_PARTS if n_ours > n_theirs // 2 else "")
    return [
        Entry.estimate(value, key, float(draws.mean()), n, joined(note, _BATCH_NOISE), replicates),
        Entry.floor(floor, key, n, null, mmd_protocols.paper_floor(theirs, n_ours, key, seed)),
    ]


def _in_full(
    name: str, key: str, ours: Observations, theirs: Observations, note: str, seed: int
) -> tuple[list[Entry], Inference | None]:
    """The rows, and what they are made from."""
    metrics = (f"{name}_full", f"{name}_full_floor", f"{name}_p_value")
    if why := _why_undefined(ours, theirs):
        return [Entry.undefined(metric, key, len(ours), why, note) for metric in metrics], None
    sides = {"samples": ours, "reference": theirs}
    parts = {which: mmd_protocols.capped(side, f"{which} with {key}", seed) for which, side in sides.items()}
    shares = [
        f"a random {len(parts[which])} of {len(side)} observations of the {which}"
        for which, side in sides.items()
        if len(parts[which]) < len(side)
    ]
    inference = mmd_protocols.full(*parts.values(), key, seed)
    note = joined(_FULL, note, *shares)
    n = len(parts["samples"])
    return comparisons.entries(inference, metrics, key, n, note=note, root=np.sqrt), inference


def _why_undefined(ours: Observations, theirs: Observations) -> str:
    sides = {"samples": ours, "reference": theirs}
    short = " and the ".join(name for name, side in sides.items() if len(side) < 2)
    return f"fewer than 2 observations in the {short}" if short else ""


def _table(rows: list[Entry], names: list[str], **where: str | int) -> pd.DataFrame:
    means = [f"{name}{ending}" for name in names for ending in ("", "_paper_floor", "_full", "_full_floor")]
    return table_of([each.row("dimensionless") for each in comparisons.with_means(rows, means)], **where)
