"""What arrays say of whole structures: cells, periodicity, stress, charge, spin; and arrays that are left."""

import re
import warnings
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np

from tutti.core.units import Scales
from tutti.io.frames import stress_matrix
from tutti.io.text import FormatError, shown

SILENT = re.compile(r"name|type|theory|md5|code_version|[EF]_(min|max|mean|var)|old_.*|perms|smiles|ids?")
"""Names of arrays that need no mention where they are not read: of sGDML and rMD17 among others."""
INFO = {"total_charge": "charge", "spin": "spin", "multiplicity": "multiplicity"}
"""Names of the columns of what arrays say."""


def read(arrays: Mapping[str, np.ndarray], path: Path, scales: Scales) -> Callable[[int], dict[str, object]]:
    """What the arrays, by role, say of each structure: fields of `Frame` by its place.

    Raises:
        FormatError: when an array has another shape, or something is periodic without a cell.
    """
    count = len(arrays["positions"])
    cell, pbc = _cells(arrays, count, path)
    cell = None if cell is None else cell * scales.length
    info = {INFO[role]: arrays[role].reshape(-1) for role in INFO if role in arrays}
    info = {name: np.broadcast_to(array, count) for name, array in info.items()}
    stress = _stresses(arrays, count, path)
    units = {"charge": "e"} if "charge" in info else {}
    if stress is not None:
        info["stress"], units["stress"] = stress * scales.stress, "eV/Å³"

    def of(i: int) -> dict[str, object]:
        found: dict[str, object] = {"info": {name: array[i] for name, array in info.items()}, "units": units}
        return found if cell is None else found | {"cell": cell[i], "pbc": pbc[i]}

    return of


def fitting(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays, by role, that may have it: a charge or spin is one number of each structure, or of all."""
    positions = arrays.get("positions")
    count = len(positions) if positions is not None and positions.ndim == 3 else 1
    shapes = ((), (1,), (count,), (count, 1))
    return {
        role: array
        for role, array in arrays.items()
        if role not in INFO or (array.shape in shapes and array.dtype.kind in "iuf")
    }


def left(
    arrays: Mapping[str, tuple[int, ...] | None],
    used: Collection[str],
    positions: tuple[int, ...],
    path: Path,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the arrays that are not read, as `Frame` has scalars and vectors; a warning names all.

    Args:
        arrays: shape of each by name; None: Python objects.
        used: names of those that are read.
        positions: shape of the positions.
        path: of the file.
    """
    others = {
        name: shape for name, shape in arrays.items() if name not in used and not SILENT.fullmatch(name)
    }
    one = ((positions[0],), (positions[0], 1)) if len(positions) == 3 else ((), (1,))
    if others:
        verb = "array is" if len(others) == 1 else "arrays are"
        warnings.warn(f"{path}: {len(others)} {verb} not read: {', '.join(sorted(others))}", stacklevel=3)
    scalars = tuple(name for name, shape in others.items() if shape in one)
    return scalars, tuple(name for name, shape in others.items() if shape == positions)


def _cells(
    arrays: Mapping[str, np.ndarray], count: int, path: Path
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """([n, 3, 3], [n, 3] bool), or None without a cell; a cell that is said nothing of is periodic."""
    cell, pbc = arrays.get("cell"), arrays.get("pbc")
    flags = None if pbc is None else _directions(pbc, count, path)
    if cell is None or not cell.size or not np.any(cell):
        if flags is not None and flags.any():
            raise FormatError(str(path), "an array 'cell' for what is periodic", "pbc alone")
        return None, None
    if cell.dtype.kind not in "iuf" or cell.shape not in ((3, 3), (9,), (count, 3, 3), (count, 9)):
        raise FormatError(
            str(path), f"a cell of shape (3, 3) or ({count}, 3, 3)", f"{cell.dtype}{cell.shape}"
        )
    cells = np.broadcast_to(cell.reshape(-1, 3, 3), (count, 3, 3)).astype(float)
    return cells, cells.any((1, 2))[:, None] & np.ones(3, bool) if flags is None else flags


def _directions(pbc: np.ndarray, count: int, path: Path) -> np.ndarray:
    """[n, 3] bool of one truth value, one for each direction, or either for each structure."""
    if pbc.shape not in ((), (1,), (3,), (count,), (count, 1), (count, 3)) or pbc.dtype.kind not in "biu":
        raise FormatError(str(path), f"pbc of shape (3,) or ({count}, 3)", f"{pbc.dtype}{pbc.shape}")
    if pbc.shape == (count,) and count != 3:
        pbc = pbc[:, None]
    return np.broadcast_to(pbc != 0, (count, 3))


def _stresses(arrays: Mapping[str, np.ndarray], count: int, path: Path) -> np.ndarray | None:
    stress = arrays.get("stress")
    if stress is None:
        return None
    if len(np.atleast_1d(stress)) != count:
        raise FormatError(str(path), f"{count} stresses", shown(str(stress.shape)))
    return np.array([stress_matrix(each, str(path)) for each in stress]).reshape(count, 9)
