"""Division of samples into parts that are judged side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tutti import formats
from tutti.structures import Structures


def split(samples: str | Path, parts: Sequence[str | Path]) -> None:
    """Write the samples, in order and in nearly equal numbers, as .npz files of structures.

    Every structure keeps its `id`, or gets its number in `samples` as one.
    """
    structures: Structures = formats.read(samples)
    if "id" not in structures.columns:
        structures = structures.with_columns(id=np.arange(len(structures)).astype(str))
    bounds = np.linspace(0, len(structures), len(parts) + 1).astype(int)
    for path, start, stop in zip(parts, bounds, bounds[1:], strict=False):
        structures[start:stop].save(path)
