"""Uniqueness and novelty in three dimensions, where SMILES leave conformers out."""

import pandas as pd

from tutti.benchmark.metrics.shapes import Shapes, shape_table
from tutti.benchmark.samples.judged import Judged


def table(samples: Judged, reference: Judged | None, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Of the molecules that xyz2mol finds valid."""
    found = _shapes(samples)
    known = None if reference is None else _shapes(reference)
    return shape_table(found, known, model=model, dataset=dataset, seed=seed)


def _shapes(judged: Judged) -> Shapes:
    return Shapes(judged.bonded, judged.valid["smiles"].tolist())
