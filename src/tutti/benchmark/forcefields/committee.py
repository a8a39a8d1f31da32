"""Several seeds of one force field as a committee: does their spread tell where they err?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tutti.core import ragged
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.statistics import calibration, errors
from tutti.statistics.bootstrap import REPLICATES, percentile_interval
from tutti.statistics.estimate import Estimate, Row, row, table_of

FEWEST = 2
MOST = 2000
"""Structures, evenly spaced in the test split, that are looked at: resampling more takes long."""
MEV = 1000.0
Measure = Callable[[np.ndarray, np.ndarray], float]
"""Of spreads [M] and errors [M]."""


@dataclass(frozen=True)
class Spread:
    """Of one quantity: M values that belong to N structures, from K seeds.

    Attributes:
        values: [M] standard deviations over the seeds (K - 1 in the denominator), meV/atom or meV/Å.
        errors: [M] of the seeds' mean, in the same unit.
        members: [K, M] errors of each seed.
        structure: [M], number of the structure that each belongs to.
        unit: of all of them.
    """

    values: np.ndarray
    errors: np.ndarray
    members: np.ndarray
    structure: np.ndarray
    unit: str

    @property
    def by_atom(self) -> tuple[np.ndarray, np.ndarray]:
        """Spreads and errors [M/3] of vectors whose components these are: roots of the sums of squares."""
        return tuple(np.sqrt(np.sum(each.reshape(-1, 3) ** 2, axis=1)) for each in (self.values, self.errors))


def spreads(reference: Structures, members: Sequence[Structures]) -> dict[str, Spread]:
    """Of the "energy" per atom, and of the components of "forces" where the reference has some.

    Raises:
        ValueError: for fewer than two members, or such that are not of the reference's structures.
    """
    if len(members) < FEWEST:
        raise ValueError("a committee has two members or more")
    energies = [errors.of_energies(reference, member, per_atom=True) for member in members]
    found = {"energy": _spread(energies, "meV/atom")}
    if reference.forces is not None:
        found["forces"] = _spread([errors.of_forces(reference, member) for member in members], "meV/Å")
    return found


def table(
    reference: Structures,
    members: Sequence[Structures],
    *,
    seeds: Sequence[int],
    model: str,
    dataset: str,
    seed: int,
) -> pd.DataFrame:
    """What the spread says, of energies by structure and of forces by atom or component.

    `committee_rank_correlation` of spread and error (of forces by atom: lengths of vectors),
    `committee_miscalibration` (area) of the spread as it is and times `committee_factor`, which lets 68 % of
    the errors lie within one spread, `committee_mae` of the mean of the seeds beside `member_mae`, the mean
    over the seeds, and their quotient `committee_gain`. Intervals are of a bootstrap over structures.

    Args:
        reference: structures of the test split with known values.
        members: what each seed's training says of them.
        seeds: theirs, for the notes.
        model: name for the table.
        dataset: name for the table.
        seed: for the table, and of the bootstrap.
    """
    chosen = np.unique(np.linspace(0, len(reference) - 1, min(MOST, len(reference))).round().astype(int))
    remark = f"seeds {', '.join(map(str, seeds))}"
    if len(chosen) < len(reference):
        remark += f", {len(chosen)} of {len(reference)} structures"
    reference, members = reference[chosen], [member[chosen] for member in members]
    generator = numpy_generator(seed, "committee of force fields")
    rows = [
        line
        for name, spread in spreads(reference, members).items()
        for line in _rows(name, spread, generator, remark)
    ]
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def _spread(members: Sequence[errors.Differences], unit: str) -> Spread:
    values = MEV * np.stack([member.values for member in members])
    first = members[0]
    return Spread(values.std(axis=0, ddof=1), values.mean(axis=0), values, first.structure, unit)


def _rows(name: str, spread: Spread, generator: np.random.Generator, remark: str) -> list[Row]:
    n = len(np.unique(spread.structure))
    whole = spread.by_atom if name == "forces" else (spread.values, spread.errors)
    owner = spread.structure[:: len(spread.values) // max(len(whole[0]), 1)]
    scale = calibration.factor(spread.values, spread.errors)
    components = (spread.values, spread.errors)
    numbers: dict[tuple[str, str, str], Estimate] = {
        ("committee_rank_correlation", name, "dimensionless"): _estimate(
            calibration.rank_correlation, whole, owner, generator
        ),
        ("committee_factor", name, "dimensionless"): _estimate(
            calibration.factor, components, spread.structure, generator
        ),
        ("committee_miscalibration", name, "dimensionless"): _estimate(
            calibration.miscalibration, components, spread.structure, generator
        ),
        ("committee_miscalibration", f"{name}, with the factor", "dimensionless"): _estimate(
            calibration.miscalibration, (scale * spread.values, spread.errors), spread.structure, generator
        ),
    }
    rows = [
        row(metric, subset, found, n, unit, remark, undefined="spreads or errors are all the same")
        for (metric, subset, unit), found in numbers.items()
    ]
    return rows + _gains(name, spread, n, generator, remark)


def _gains(name: str, spread: Spread, n: int, generator: np.random.Generator, remark: str) -> list[Row]:
    size = int(spread.structure.max(initial=-1)) + 1
    sums = np.stack(
        [
            errors.Differences(values, spread.structure, size).absolute
            for values in (np.abs(spread.errors), np.abs(spread.members).mean(axis=0))
        ],
        axis=1,
    )
    kinds: Mapping[tuple[str, str], errors.Statistic] = {
        ("committee_mae", spread.unit): lambda means: means[..., 0],
        ("member_mae", spread.unit): lambda means: means[..., 1],
        ("committee_gain", "dimensionless"): lambda means: means[..., 1] / means[..., 0],
    }
    return [
        row(
            metric,
            name,
            errors.interval(sums, statistic, generator),
            n,
            unit,
            remark,
            undefined="no structures",
        )
        for (metric, unit), statistic in kinds.items()
    ]


def _estimate(
    measure: Measure,
    values: tuple[np.ndarray, np.ndarray],
    structure: np.ndarray,
    generator: np.random.Generator,
) -> Estimate:
    """With the percentile interval of structures drawn with replacement."""
    known = np.isfinite(values[0]) & np.isfinite(values[1])
    spread, error, owner = values[0][known], values[1][known], structure[known]
    names, counts = np.unique(owner, return_counts=True)
    if not len(names):
        return Estimate(np.nan)
    value = measure(spread, error)
    if len(names) < 2:
        return Estimate(value)
    order, starts = np.argsort(owner, kind="stable"), ragged.offsets(counts)
    draws = np.empty(REPLICATES)
    for k in range(REPLICATES):
        chosen = generator.integers(len(names), size=len(names))
        places = np.concatenate([order[starts[i] : starts[i + 1]] for i in chosen])
        draws[k] = measure(spread[places], error[places])
    return Estimate(value, *percentile_interval(draws))
