"""Table 3, frequencies: Jensen-Shannon divergence of elements, environments and ring sizes."""

import pandas as pd

from tutti.benchmark.metrics import frequencies
from tutti.benchmark.metrics.frequencies import Counts
from tutti.benchmark.metrics.jsd import jsd_table
from tutti.benchmark.samples.judged import Judged


def counts(judged: Judged) -> dict[str, Counts]:
    """Counts per valid molecule of everything whose frequencies are compared."""
    return {
        "atom_types": frequencies.atom_types(judged.bonded),
        "local_environments": frequencies.local_environments(judged.bonded),
        "ring_sizes": frequencies.ring_sizes(judged.valid),
    }


def table(samples: Judged, reference: Judged, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """One row per kind of frequency."""
    return jsd_table(counts(samples), counts(reference), model=model, dataset=dataset, seed=seed)
