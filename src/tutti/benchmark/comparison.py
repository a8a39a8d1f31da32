"""From the rows of all parts to the tables of a run, and what compares these with others and papers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tutti.benchmark import published
from tutti.benchmark.metrics.over_seeds import over_seeds_table
from tutti.benchmark.metrics.validity_ranks import ranks
from tutti.benchmark.samples.measure import TABLE
from tutti.benchmark.tables import declared
from tutti.core import functions, tidy

Tables = Mapping[str, pd.DataFrame]


def assemble(
    wanted: Sequence[str],
    rows: pd.DataFrame,
    names: Mapping[str, Any],
    fits: Sequence[str | Path] = (),
    seed: int = 0,
    trainings: Sequence[Mapping[str, Any]] = (),
) -> dict[str, pd.DataFrame]:
    """All tables of a run by name, with the published numbers beside.

    Args:
        wanted: their names; those made of others stand after these.
        rows: tidy, with the column `table`.
        names: the papers' names: `datasets`, `models`, `subsets` (see `tutti.benchmark.published.fill`), and
            in words what the run's values of a model come from, `here`.
        fits: files of fits of signals.
        seed: of the bootstrap of fits.
        trainings: those with snapshots, whose rows are of no other table; see
            `tutti.benchmark.samples.learning.table`.
    """
    snapshots = {name for each in trainings for name in each["snapshots"].values()}
    made: dict[str, pd.DataFrame] = {}
    for name in wanted:
        table = declared().tables[name]
        if table.of == "fits":
            made[name] = functions.load(table.function)(fits, seed)
        elif table.of == "snapshots":
            made[name] = functions.load(table.function)(made, rows[rows["model"].isin(snapshots)], trainings)
        elif table.of == "tables":
            made[name] = functions.load(table.function)(made, names)
        else:
            own = rows[(rows[TABLE] == name) & ~rows["model"].isin(snapshots)].drop(columns=TABLE)
            known = {key: names.get(key) for key in ("datasets", "models", "subsets")}
            finished = functions.load(table.finish)(own, **known) if table.finish else own
            made[name] = published.fill(finished, **known)
    return made


def validity_ranks(tables: Tables, names: Mapping[str, Any]) -> pd.DataFrame:
    """The models' places by validity, under each definition."""
    return ranks(tables["validity"])


def over_seeds(tables: Tables, names: Mapping[str, Any]) -> pd.DataFrame:
    """Means and standard errors over training seeds; a committee is of all of them."""
    single = [name for name in _measured(tables) if declared().tables[name].of != "committees"]
    return over_seeds_table(tidy.check(tidy.join(tables[name] for name in single)))


def paper_versus_here(tables: Tables, names: Mapping[str, Any]) -> pd.DataFrame:
    """Published values beside ours, see `tutti.benchmark.published.versus_here`."""
    found = tidy.check(tidy.join(tables[name] for name in _measured(tables)))
    known = {key: names[key] for key in ("models", "here", "datasets", "subsets")}
    return published.versus_here(found, **known)


def _measured(tables: Tables) -> list[str]:
    """Those that are not made of others or of fits."""
    return [name for name in tables if declared().tables[name].of not in ("tables", "snapshots", "fits")]
