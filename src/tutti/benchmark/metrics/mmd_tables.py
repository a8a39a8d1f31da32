"""Distances from a reference: of bond lengths, angles, torsions (MMD and Wasserstein) and of bispectra."""

from collections.abc import Callable
from dataclasses import dataclass, replace

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
_P_VALUE = "_p_value"
_WASSERSTEIN = "wasserstein_"


@dataclass(frozen=True)
class Coordinate:
    """Numbers whose distributions are compared.

    Attributes:
        name: ends the names of the metrics.
        unit: of the numbers, and so of their Wasserstein distance.
        scale: of this unit to the one that the kernels are in; theirs are widths of 0.02 to 20.
        width: of the grid's bins, in the kernels' unit.
    """

    name: str
    unit: str
    scale: float = 1.0
    width: float = BIN


BOND_LENGTH = Coordinate("bond_length", "Å")
BOND_ANGLE, TORSION = (
    Coordinate(name, "degrees", scale=np.pi / 180, width=5e-4) for name in ("bond_angle", "torsion")
)
"""In the kernels, radians: 1.3° to 1300°. On this grid the relative error of MMD² is below 1e-3."""


def mmd_bond_length_table(
    samples: Keyed, reference: Keyed, *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """MMD of bond lengths by bond type, by the paper's protocol and in full, and their Wasserstein distance.

    Metrics, per key of the reference: `mmd_bond_length` (paper), `mmd_bond_length_paper_floor`,
    `mmd_bond_length_full`, `mmd_bond_length_full_floor`, `mmd_bond_length_p_value`, and
    `wasserstein_bond_length` in Å with `_floor` and `_p_value`; as subset `mean`, the mean of each but the
    p-values over the keys, undefined when it is undefined in one. Molecules without the bond type take no
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
        note = _range(ours, theirs)
        full, inference = _of_numbers(BOND_LENGTH, "_full", key, ours, theirs, note, seed)
        rows += [*_by_paper("mmd_bond_length", key, ours, theirs, inference, note, seed), *full]
    means = [*_of_protocols("mmd_bond_length"), *_of_one(f"{_WASSERSTEIN}bond_length")]
    return _table(rows, means, BOND_LENGTH.unit, model=model, dataset=dataset, seed=seed)


def coordinate_table(
    coordinate: Coordinate, samples: Keyed, reference: Keyed, *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """MMD and Wasserstein-1 distance of bond angles or torsions by type, with null floors and p-values.

    Metrics, per key of the reference: `mmd_<name>`, of all pairs, and `wasserstein_<name>`, each with
    `_floor` and `_p_value`; means as in `mmd_bond_length_table`.

    Args:
        coordinate: what is compared.
        samples: numbers [n, 1] in the coordinate's unit by type.
        reference: the same; its keys are the table's.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table, and of all that is drawn here.
    """
    rows = []
    for key, theirs in reference.items():
        rows += _of_numbers(coordinate, "", key, samples.get(key, NOTHING), theirs, "", seed)[0]
    means = [*_of_one(f"mmd_{coordinate.name}"), *_of_one(f"{_WASSERSTEIN}{coordinate.name}")]
    return _table(rows, means, coordinate.unit, model=model, dataset=dataset, seed=seed)


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
    means = [each for name in variants for each in _of_protocols(name)]
    return _table(rows, means, model=model, dataset=dataset, seed=seed)


def _of_protocols(name: str) -> list[str]:
    """What a mean is taken of, of a distance by the paper's protocol and in full."""
    return [f"{name}{ending}" for ending in ("", "_paper_floor", "_full", "_full_floor")]


def _of_one(name: str) -> list[str]:
    """The same, of one that is computed in one way."""
    return [name, f"{name}_floor"]


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
        inference = _of_resamples(key, paper, theirs, seed)
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
    names = (f"{name}_full", f"{name}_full_floor", f"{name}{_P_VALUE}")
    if why := _why_undefined(ours, theirs):
        return [Entry.undefined(metric, key, len(ours), why, note) for metric in names], None
    sides, parts = _capped(key, ours, theirs, seed)
    shares = [
        f"a random {len(parts[which])} of {len(side)} observations of the {which}"
        for which, side in sides.items()
        if len(parts[which]) < len(side)
    ]
    inference = mmd_protocols.full(*parts.values(), key, seed)
    note = joined(_FULL, note, *shares)
    n = len(parts["samples"])
    return comparisons.entries(inference, names, key, n, note=note, root=np.sqrt), inference


def _of_resamples(key: str, ours: Observations, theirs: Observations, seed: int) -> Inference | None:
    """Estimate and replicates alone, as in `_in_full`."""
    if _why_undefined(ours, theirs):
        return None
    return mmd_protocols.resampled(*_capped(key, ours, theirs, seed)[1].values(), seed)


def _capped(
    key: str, ours: Observations, theirs: Observations, seed: int
) -> tuple[dict[str, Observations], dict[str, Observations]]:
    """Both sides by name, whole and as far as they are compared in full."""
    sides = {"samples": ours, "reference": theirs}
    return sides, {
        which: mmd_protocols.capped(side, f"{which} with {key}", seed) for which, side in sides.items()
    }


def _of_numbers(
    coordinate: Coordinate,
    ending: str,
    key: str,
    ours: Observations,
    theirs: Observations,
    note: str,
    seed: int,
) -> tuple[list[Entry], Inference | None]:
    """The rows of MMD of all pairs, with an ending, and of Wasserstein; and what the MMD is made from."""
    mmd, wasserstein = f"mmd_{coordinate.name}", f"{_WASSERSTEIN}{coordinate.name}"
    names = (mmd + ending, f"{mmd}{ending}_floor", mmd + _P_VALUE)
    others = (wasserstein, f"{wasserstein}_floor", wasserstein + _P_VALUE)
    if why := _why_undefined(ours, theirs):
        return [Entry.undefined(metric, key, len(ours), why, note) for metric in names + others], None
    scaled = (replace(side, values=side.values * coordinate.scale) for side in (ours, theirs))
    inference, other = mmd_protocols.full_in_one_dimension(*scaled, key, seed, coordinate.width)
    said, n = joined(_FULL, note), len(ours)
    return [
        *comparisons.entries(inference, names, key, n, note=said, root=np.sqrt),
        *comparisons.entries(other, others, key, n, root=_in_unit(coordinate)),
    ], inference


def _in_unit(coordinate: Coordinate) -> Callable[[np.ndarray], np.ndarray]:
    """From squares in the kernels' unit."""
    return lambda squared: np.sqrt(squared) / coordinate.scale


def _why_undefined(ours: Observations, theirs: Observations) -> str:
    sides = {"samples": ours, "reference": theirs}
    short = " and the ".join(name for name, side in sides.items() if len(side) < 2)
    return f"fewer than 2 observations in the {short}" if short else ""


def _table(rows: list[Entry], means: list[str], unit: str = "", **where: str | int) -> pd.DataFrame:
    """The rows, and the means of these metrics over all keys; `unit` is that of what is no MMD."""

    def of(metric: str) -> str:
        return unit if metric.startswith(_WASSERSTEIN) and not metric.endswith(_P_VALUE) else "dimensionless"

    return table_of([row.row(of(row.metric)) for row in comparisons.with_means(rows, means)], **where)
