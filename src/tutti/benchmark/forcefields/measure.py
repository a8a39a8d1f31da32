"""All rows of one training of a force field, in whatever tables it has some."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from tutti.core import functions
from tutti.core.structures import Structures
from tutti.data.splits import Splits

PARTS = ("train", "test")


def measure(
    tables: Mapping[str, Mapping[str, Any]],
    files: Mapping[str, Any],
    size: int | None,
    *,
    model: str,
    dataset: str,
    seed: int,
) -> pd.DataFrame:
    """The tidy rows with the column `table`.

    Args:
        tables: by name, the import path of its `function`, what it is `of` ("predictions", "committees",
            "trajectories" or "probes") and the function's further `arguments`.
        files: `dataset` and `splits`; predictions as `train` and `test`, of the test split by all seeds as
            `members`; `weights`, `probes`, and trajectories by ensemble, the reference's as `reference_NVE`
            and so on. Those that no table needs may be missing.
        size: structures of the training split that the model saw; None: all.
        model: name for the tables.
        dataset: name for the tables.
        seed: training seed for the tables.
    """
    names = {"model": model, "dataset": dataset, "seed": seed}
    structures = Structures.load(files["dataset"])
    splits = Splits.load(files["splits"], structures).first(size)
    rows = []
    for table, made in tables.items():
        make, arguments = functions.load(made["function"]), {**made["arguments"], **names}
        if made["of"] == "predictions":
            for part, (reference, predicted) in zip(PARTS, _pairs(structures, splits, files), strict=True):
                rows.append(make(reference, predicted, subset=part, **arguments).assign(table=table))
        elif made["of"] == "committees":
            members = [Structures.load(path) for path in files["members"]]
            rows.append(make(structures[splits.test], members, **arguments).assign(table=table))
        else:
            rows.append(make(files, **arguments).assign(table=table))
    return pd.concat([part for part in rows if len(part)] or rows, ignore_index=True)


def _pairs(
    structures: Structures, splits: Splits, files: Mapping[str, Any]
) -> Iterator[tuple[Structures, Structures]]:
    """Reference and prediction of each of `PARTS`."""
    for part in PARTS:
        yield structures[getattr(splits, part)], Structures.load(files[part])
