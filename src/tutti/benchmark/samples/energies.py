"""Energies by GFN2-xTB: how far their distribution is from that of the training molecules."""

import pandas as pd

from tutti.benchmark.metrics.energies import Energies, energy_table
from tutti.benchmark.metrics.permolecule import failures
from tutti.benchmark.samples.judged import Judged


def table(samples: Judged, reference: Judged, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Two distances of the energies per atom."""
    checked = samples.checks["energies"]
    found, known = (Energies.of(each.structures, each.checks["energies"]) for each in (samples, reference))
    lost = failures(checked[checked["checked"]])
    return energy_table(found, known, lost, model=model, dataset=dataset, seed=seed)
