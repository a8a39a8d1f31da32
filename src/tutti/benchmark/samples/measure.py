"""All tables of a judged set, each kept by what it was made from.

The one engine behind the workflow's `measure` and `tutti evaluate`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from tutti.benchmark.samples.judged import Judged
from tutti.core.cache import Parts
from tutti.core.functions import load, module_of
from tutti.core.memory import keep_freed_memory
from tutti.core.progress import Progress
from tutti.core.sources import fingerprint, sources

TABLE = "table"
"""Column that says which table a row belongs to."""


def measure(
    samples: Judged,
    reference: Judged | None,
    functions: Mapping[str, str],
    parts: Parts,
    progress: Progress,
    *,
    model: str,
    dataset: str,
    seed: int,
) -> pd.DataFrame:
    """The tidy rows of several tables, with the column `TABLE`.

    Args:
        samples: judged, by all assigners and checks that the tables look at.
        reference: the training molecules; None: without.
        functions: by table, the import path of `f(samples, reference, *, model, dataset, seed)`.
        parts: where the rows of each table are kept.
        progress: told of each table.
        model: name for the tables.
        dataset: name for the tables.
        seed: training seed for the tables.
    """
    keep_freed_memory()
    names = {"model": model, "dataset": dataset, "seed": seed}
    known = None if reference is None else reference.digest
    rows = []
    for table, path in functions.items():
        code = fingerprint(sources(module_of(path)), None)
        compute = partial(_rows, path, samples, reference, names)
        found = parts.get([table, path, code, names, samples.digest, known], compute)
        rows.append(found.assign(**{TABLE: table}))
        progress.update()
    return pd.concat([part for part in rows if len(part)] or rows, ignore_index=True)


def _rows(path: str, samples: Judged, reference: Judged | None, names: Mapping[str, Any]) -> pd.DataFrame:
    return load(path)(samples, reference, **names)
