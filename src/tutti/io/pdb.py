"""Molecules of PDB files (format 3.3, https://www.wwpdb.org/documentation/file-format), each model a frame.

Elements come from their own columns only: the names of atoms leave open whether CA is a carbon or calcium.
Where an atom has alternate places, or is there in part, a frame is refused. Bonds and charges are not read.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from ase.cell import Cell

from tutti.core.elements import number as atomic_number
from tutti.core.units import Scales
from tutti.io.frames import Frame
from tutti.io.text import FormatError, Lines, number, shown

ATOM = ("ATOM", "HETATM")
END = ("ENDMDL", "END")
AXES = (slice(30, 38), slice(38, 46), slice(46, 54))
ALTERNATE, OCCUPANCY, ELEMENT = slice(16, 17), slice(54, 60), slice(76, 78)
LENGTHS_ANGLES = (*(slice(i, i + 9) for i in (6, 15, 24)), *(slice(i, i + 7) for i in (33, 40, 47)))

Atoms = list[tuple[int, str]]
"""Lines of atoms, and the numbers of these lines."""


def frames(path: Path, units: Mapping[str, str]) -> Iterator[Frame]:
    """Frames of a file; a cell that is more than the placeholder of 1 Å is periodic in all directions.

    Raises:
        FormatError: when an atom's coordinates or its element are missing, or leave a choice.
    """
    scale = Scales.of(units, energy="eV", length="Å").length
    with Lines(path) as lines:
        for start, atoms, cell in _models(lines):
            frame = _frame(path, start, atoms, cell)
            frame.positions *= scale
            frame.cell = None if frame.cell is None else frame.cell * scale
            yield frame


def samples(path: Path) -> Iterator[Frame | FormatError]:
    """Models of a file in order, and the error in place of each that cannot be read.

    Of a file cut in the middle of its compression, one error stands for the rest.
    """
    with Lines(path, recover=True) as lines:
        for start, atoms, _ in _models(lines):
            try:
                yield _frame(path, start, atoms, None)
            except FormatError as error:
                yield error
        if lines.damage is not None:
            yield lines.damage


def _models(lines: Lines) -> Iterator[tuple[int, Atoms, tuple[int, str] | None]]:
    """First line, atoms and cell of each model; atoms that no MODEL precedes are a model too.

    A model without atoms is one, but for what stands between ENDMDL and END.
    """
    cell, atoms, start = None, [], 0
    while (line := lines.next()) is not None:
        line = line.rstrip("\r\n")
        record = line[:6].rstrip()
        if line.startswith(ATOM):
            atoms.append((lines.number, line))
            start = start or lines.number
        elif record == "CRYST1":
            cell = (lines.number, line)
        elif record in (*END, "MODEL"):
            if start:
                yield start, atoms, cell
            atoms, start = [], lines.number if record == "MODEL" else 0
    if start and lines.damage is None:
        yield start, atoms, cell


def _frame(path: Path, start: int, atoms: Atoms, cell: tuple[int, str] | None) -> Frame:
    positions = [[_coordinate(line, axis, f"{path}:{at}") for axis in AXES] for at, line in atoms]
    vectors = None if cell is None else _cell(*cell, path)
    return Frame(
        numbers=[_checked(line, f"{path}:{at}") for at, line in atoms],
        positions=np.array(positions, dtype=float).reshape(-1, 3),
        path=str(path),
        line=start,
        atom_line=atoms[0][0] if atoms else start,
        cell=vectors,
        pbc=None if vectors is None else np.ones(3, dtype=bool),
    )


def _coordinate(line: str, columns: slice, where: str) -> float:
    text = line[columns].strip()
    if not text:
        raise FormatError(where, "coordinates in columns 31 to 54", shown(line))
    return number(text, where)


def _checked(line: str, where: str) -> int:
    """The atomic number of an atom that is one for sure."""
    if line[ALTERNATE].strip():
        raise FormatError(where, "no alternate location (column 17); choose one", shown(line[ALTERNATE]))
    share = line[OCCUPANCY].strip()
    # Programs that know of no occupancy write 0.
    if share and number(share, where) not in (0, 1):
        raise FormatError(where, "an occupancy of 1 (columns 55 to 60)", shown(share))
    symbol = line[ELEMENT].strip()
    try:
        return atomic_number("" if symbol.isdigit() else symbol)
    except KeyError as error:
        raise FormatError(where, "an element in columns 77 and 78", shown(symbol)) from error


def _cell(at: int, line: str, path: Path) -> np.ndarray | None:
    """[3, 3] Å, rows are the vectors; None for the cell of 1 Å that stands for none, and for zeros."""
    where = f"{path}:{at}"
    values: Sequence[float] = [number(line[columns].strip(), where) for columns in LENGTHS_ANGLES]
    if values[:3] in ([1, 1, 1], [0, 0, 0]):
        return None
    try:
        return Cell.fromcellpar(values).array
    except AssertionError as error:
        raise FormatError(where, "the lengths and angles of a cell", shown(line)) from error
