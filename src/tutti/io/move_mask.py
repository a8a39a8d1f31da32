"""The column in which ASE's extended xyz files say which atoms may move."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tutti.core.columns import BOOLEANS
from tutti.io.text import FormatError, shown

MASK = "move_mask"
"""Its name. It has one truth value for each atom, or three: one for each direction."""


def fixed(cells: Sequence[list[str]], columns: slice, path: Path, first_line: int) -> np.ndarray:
    """[n] bool: atoms that may not move in any direction. Arguments and errors are those of `movable`."""
    return ~movable(cells, columns, path, first_line).any(1)


def movable(cells: Sequence[list[str]], columns: slice, path: Path, first_line: int) -> np.ndarray:
    """[n, 1 or 3] bool: whether atoms may move.

    Args:
        cells: the atoms' lines, split.
        columns: where the mask stands.
        path: the file.
        first_line: number of the first atom's line.

    Raises:
        FormatError: when the mask holds something else than truth values.
    """
    flags = [row[columns] for row in cells]
    for line, row in enumerate(flags, first_line):
        for unknown in [flag for flag in row if flag not in BOOLEANS][:1]:
            raise FormatError(f"{path}:{line}", f"T or F in the column {MASK}", shown(unknown))
    values = [[BOOLEANS[flag] for flag in row] for row in flags]
    return np.array(values, dtype=bool).reshape(len(cells), columns.stop - columns.start)
