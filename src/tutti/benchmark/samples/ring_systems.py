"""Ring systems that the reference lacks."""

from collections import Counter

import numpy as np
import pandas as pd

from tutti.benchmark.metrics.ring_systems import RingSystems, floor_shares, with_new
from tutti.benchmark.samples.judged import Judged
from tutti.statistics.bootstrap import FLOOR_DRAWS
from tutti.statistics.comparisons import Entry
from tutti.statistics.estimate import table_of
from tutti.statistics.proportions import share

EXAMPLES = 3
_FLOOR = "null floor: molecules of a part of the reference with a ring system that the disjoint rest lacks"
_SMALLER = "from a part smaller than the samples"


def table(samples: Judged, reference: Judged, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Share of the valid molecules with a ring system that none of the reference has, and its null floor.

    Metrics `new_ring_systems`, a Wilson interval, whose note has the most frequent of these ring systems as
    SMILES; and `new_ring_systems_floor`, the mean of `FLOOR_DRAWS` divisions of the reference.
    """
    ours, theirs = (RingSystems.of(judged.bonded) for judged in (samples, reference))
    molecules, new = with_new(ours, theirs)
    n = ours.n_molecules
    note = _examples(ours, new, samples)
    value = share("new_ring_systems", "all", len(molecules), n, "valid molecules", note)
    draws = floor_shares(theirs, n, FLOOR_DRAWS, "divisions for ring systems", seed)
    said = f"{_FLOOR}; {_SMALLER}" if n > theirs.n_molecules // 2 else _FLOOR
    floor = Entry.floor("new_ring_systems_floor", "all", n, said, draws)
    return table_of([value, floor.row("1")], model=model, dataset=dataset, seed=seed)


def _examples(systems: RingSystems, new: np.ndarray, samples: Judged) -> str:
    """The most frequent kinds of some ring systems, as a remark."""
    frequent = Counter(systems.kind[new].tolist()).most_common(EXAMPLES)
    firsts = [new[np.flatnonzero(systems.kind[new] == kind)[0]] for kind, _ in frequent]
    found = [
        f"{systems.smiles(first, samples.bonded)} ({count})"
        for first, (_, count) in zip(firsts, frequent, strict=True)
    ]
    return f"most frequent: {', '.join(found)}" if found else ""
