"""Division of samples into parts that are judged side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tutti.formats.samples import read_samples
from tutti.structures import Structures


def split(samples: str | Path, whole: str | Path, parts: Sequence[str | Path]) -> None:
    """Write the samples, in order, as one .npz of structures, and in nearly equal numbers as several.

    Every structure gets its place among all of them as column `index`.
    """
    structures = read_samples([Path(samples)])
    structures = structures.with_columns(index=np.arange(len(structures)))
    structures.save(whole)
    bounds = np.linspace(0, len(structures), len(parts) + 1).astype(int)
    for path, start, stop in zip(parts, bounds, bounds[1:], strict=False):
        structures[start:stop].save(path)


def head(verdicts: pd.DataFrame, structures: Structures, n: int) -> pd.DataFrame:
    """The verdicts, with samples other than the first `n` of all parts together counting as not valid.

    What checks only valid molecules then leaves them out.
    """
    return verdicts.assign(valid=verdicts["valid"] & (structures.columns["index"] < n))
