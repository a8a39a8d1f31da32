"""What every reader yields, a `Frame`, and how frames are checked and packed into `Structures`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tutti.core.columns import columns
from tutti.core.structures import Structures
from tutti.io.text import FormatError, number

CHARGES = ("charge", "total_charge")
"""Names of a structure's total charge."""
SAMPLE_INFO = ("id", "finished", *CHARGES)
"""Names of the values that are kept of a generator's sample."""


@dataclass(slots=True)
class Frame:
    """One structure as read: eV and Å, with the place it came from.

    Attributes:
        numbers: n atomic numbers.
        positions: [n, 3] Å.
        path: file, or `file: frame 3` where the file has no lines.
        line: line on which the structure begins; 0 where the file has no lines.
        atom_line: line of the first atom, the others follow.
        energy: eV.
        forces: [n, 3] eV/Å.
        cell: [3, 3] Å, rows are the cell vectors.
        pbc: [3] bool.
        fixed: [n] bool, atoms that may not move.
        bonds: of a sample whose file says them: places of the two atoms, the lower one first, and the order,
            which is 1, 1.5 (aromatic), 2 or 3.
        formal_charges: n of the atoms, where the file says bonds.
        info: further values by name.
        units: units of those values.
        free_atoms: eV by symbol, of isolated atoms that the file says beside its frames.
        scalars: names of further numbers of the structure, which are not read.
        vectors: names of further triples of numbers of each atom, which are not read.
    """

    numbers: Sequence[int] | np.ndarray
    positions: np.ndarray
    path: str
    line: int = 0
    atom_line: int = 0
    energy: float | None = None
    forces: np.ndarray | None = None
    cell: np.ndarray | None = None
    pbc: np.ndarray | None = None
    fixed: np.ndarray | None = None
    bonds: Sequence[tuple[int, int, float]] | None = None
    formal_charges: Sequence[int] | None = None
    info: dict[str, object] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    free_atoms: Mapping[str, float] = field(default_factory=dict)
    scalars: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()

    def where(self, atom: int | None = None) -> str:
        """`file:line` of the structure or of one of its atoms."""
        if not self.line:
            return self.path if atom is None else f"{self.path}, atom {atom + 1}"
        return f"{self.path}:{self.line if atom is None else self.atom_line + atom}"


def stress_matrix(values: Sequence[object], where: str) -> np.ndarray:
    """[9] of a stress, the rows of its matrix, given so or in ASE's order xx yy zz yz xz xy.

    Raises:
        FormatError: when it is neither.
    """
    numbers = np.array([number(str(value), where) for value in np.ravel(values)])
    if len(numbers) not in (6, 9):
        raise FormatError(where, "a stress of 6 or 9 numbers", str(len(numbers)))
    return numbers if len(numbers) == 9 else numbers[[0, 5, 4, 5, 1, 3, 4, 3, 2]]


def pack(frames: Iterable[Frame], samples: bool = False) -> Structures:
    """Frames as `Structures`; columns are the values that all frames have, with one type.

    Args:
        frames: at least one frame.
        samples: whether NaN and inf are let through, as a generator may produce them.

    Raises:
        FormatError: when a number is not finite, a periodic cell has no volume, or only some frames have
            energies or forces.
    """
    frames = list(frames)
    optional: dict[str, np.ndarray | None] = {
        "energy": _of_all(frames, "energy", lambda values: np.array(values, dtype=float)),
        "forces": _of_all(frames, "forces", np.concatenate),
    }
    if any(frame.cell is not None for frame in frames):
        optional["cell"] = np.array([np.zeros((3, 3)) if f.cell is None else f.cell for f in frames])
        optional["pbc"] = np.array([np.zeros(3, bool) if f.pbc is None else f.pbc for f in frames])
    if not samples and any(frame.fixed is not None and frame.fixed.any() for frame in frames):
        each = [np.zeros(len(f.numbers), bool) if f.fixed is None else f.fixed for f in frames]
        optional["fixed"] = np.concatenate(each)
    shared, units = columns([frame.info for frame in frames]), _units(frames)
    structures = Structures.from_frames(
        [(frame.numbers, frame.positions) for frame in frames],
        **optional,
        columns=shared,
        units={name: unit for name, unit in units.items() if name in shared},
    )
    if not samples:
        _check_finite(structures, frames)
        _check_cells(structures, frames)
    return structures


def _of_all(frames: Sequence[Frame], name: str, join: Callable[[list], np.ndarray]) -> np.ndarray | None:
    values = [getattr(frame, name) for frame in frames]
    missing = [i for i, value in enumerate(values) if value is None]
    if len(missing) == len(values):
        return None
    if missing:
        raise FormatError(frames[missing[0]].where(), f"{name}, as other structures have it", "none")
    return join(values)


def _units(frames: Sequence[Frame]) -> dict[str, str]:
    units: dict[str, str] = {}
    last: Mapping[str, str] = {}
    for frame in frames:
        if frame.units is last:
            continue
        last = frame.units
        for name, unit in frame.units.items():
            if units.setdefault(name, unit) != unit:
                raise FormatError(frame.where(), f"'{name}' in {units[name]}, as before", f"it in {unit}")
    return units


def _check_cells(structures: Structures, frames: Sequence[Frame]) -> None:
    if structures.cell is None or structures.pbc is None:
        return
    for frame, cell, pbc in zip(frames, structures.cell, structures.pbc, strict=True):
        if np.linalg.matrix_rank(cell[pbc]) < pbc.sum():
            expected = "independent cell vectors in the periodic directions"
            raise FormatError(frame.where(), expected, str(cell.tolist()))


def _check_finite(structures: Structures, frames: Sequence[Frame]) -> None:
    for name in ("positions", "forces", "energy", "cell"):
        array = getattr(structures, name)
        if array is None or np.isfinite(array).all():
            continue
        row = int(np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))[0])
        if len(array) == len(frames) and name in ("energy", "cell"):
            where = frames[row].where()
        else:
            i = int(np.searchsorted(structures.offsets, row, side="right")) - 1
            where = frames[i].where(row - int(structures.offsets[i]))
        hint = "; samples of a generator that may hold such numbers are read with samples=True"
        raise FormatError(where, f"finite {name}", f"{array[row]}{hint}")
