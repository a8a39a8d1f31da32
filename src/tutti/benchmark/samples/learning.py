"""What samples are worth after parts of a training, against the time of the processors that it took."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tutti.benchmark.samples.measure import TABLE
from tutti.benchmark.tables import Column, declared
from tutti.core import records, tidy
from tutti.statistics.estimate import Estimate, row, table_of

NAME = "learning"
"""Of the table, whose declaration says which numbers of others it holds."""
CONTROL = "test_split"
SHARE = "share="
"""Begins the subsets: after which share of the training's steps, 1 for the whole of it."""
UNTRAINED = "data"
"""Subset of the control."""
TIME = "training_processor_time"


@dataclass(frozen=True)
class Moment:
    """A moment of a training.

    Attributes:
        dataset: of the training.
        model: of the training.
        seed: of the training.
        share: of its steps, as text.
        sampled: what its samples are called, with the weights of that moment.
        steps: until then.
        items: that were trained on until then, each as often as it came.
        seconds: time of the processors until then, in all of its processes and threads.
    """

    dataset: str
    model: str
    seed: int
    share: str
    sampled: str
    steps: int
    items: int
    seconds: float


def table(
    made: Mapping[str, pd.DataFrame], found: pd.DataFrame, trainings: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """The numbers of other tables at each moment of a training, and what it took until then.

    Args:
        made: tables of the run by name, with the numbers of whole trainings and of the control.
        found: rows of snapshots, tidy, with the column `table`.
        trainings: `dataset`, `model`, `seed`, the path of its `record` (train.json), and `snapshots`, what
            the samples are called, by share.

    Raises:
        DamagedFile: when a record is damaged.
        KeyError: when it lacks a snapshot.
    """
    moments = [moment for training in trainings for moment in _moments(training)]
    columns = [column for column in declared().tables[NAME].columns if column.table in made]
    costs = [table_of(_costs(m), model=m.model, dataset=m.dataset, seed=m.seed) for m in moments]
    numbers = [_numbers(column, made[column.table], found, moments) for column in columns]
    return tidy.join([*costs, *numbers])


def _moments(training: Mapping[str, Any]) -> Iterator[Moment]:
    record = records.read(training["record"])
    batch = record["training"]["batch_size"]
    sampled = {**training["snapshots"], "1": training["model"]}
    for share, told in {**record["snapshots"], "1": record}.items():
        if share in sampled:
            yield Moment(
                **{key: training[key] for key in ("dataset", "model", "seed")},
                share=share,
                sampled=sampled.pop(share),
                steps=told["step"],
                items=batch * told["step"],
                seconds=told["processor_seconds"],
            )
    if sampled:
        raise KeyError(f"{training['record']}: no snapshot {', '.join(sampled)}; delete it and train again")


def _costs(moment: Moment) -> Iterator[dict[str, object]]:
    subset = f"{SHARE}{moment.share}"
    yield row(TIME, subset, Estimate(moment.seconds), None, "s")
    yield row("training_steps", subset, Estimate(moment.steps), None, "dimensionless")
    yield row("training_items", subset, Estimate(moment.items), None, "dimensionless")


def _numbers(
    column: Column, made: pd.DataFrame, found: pd.DataFrame, moments: Sequence[Moment]
) -> pd.DataFrame:
    """One metric at all moments, and of the control."""
    snapshots = found[found[TABLE] == column.table].drop(columns=TABLE)
    rows = tidy.join([made, snapshots])
    rows = rows[(rows["metric"] == column.metric) & (rows["subset"] == column.subset)]
    names = [(m.dataset, m.sampled, m.seed, m.model, f"{SHARE}{m.share}") for m in moments]
    origin = pd.DataFrame(names, columns=["dataset", "model", "seed", "trained", "moment"])
    ours = origin.merge(rows, on=["dataset", "model", "seed"])
    ours = ours.assign(model=ours["trained"], subset=ours["moment"])[tidy.COLUMNS]
    return tidy.join([ours, rows[rows["model"] == CONTROL].assign(subset=UNTRAINED)])
