"""Tripos mol2 files with many molecules (Tripos Mol2 File Format, SYBYL 7.1, 2005).

A molecule begins with @<TRIPOS>MOLECULE, its name and the numbers of its atoms and bonds. Of the sections
that follow, ATOM, BOND and UNITY_ATOM_ATTR are read. The last one, which OpenBabel writes, says formal
charges; without it the atoms' types tell them, see `tutti.io.tripos`. Partial charges are not read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tutti.core.elements import NUMBERS
from tutti.core.units import Scales
from tutti.io import tripos
from tutti.io.frames import Frame
from tutti.io.text import FILE_END, FormatError, Lines, number, shown

MARK = "@<TRIPOS>"
ORDERS = {"1": 1.0, "am": 1.0, "ar": 1.5, "2": 2.0, "3": 3.0}
MOST_CHARGE = 127  # of an atom; an int8
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)


@dataclass(frozen=True)
class _Row:
    """A line of a section: where it stands, and its cells."""

    path: Path
    line: int
    cells: list[str]

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line}"

    def error(self, expected: str) -> FormatError:
        return FormatError(self.where, expected, shown(" ".join(self.cells)))


def frames(path: Path, units: Mapping[str, str]) -> Iterator[Frame]:
    """Geometries of a mol2 file, in Å unless another unit of length is given.

    Raises:
        FormatError: when the file is malformed.
    """
    scale = Scales.of(units, energy="eV", length="Å").length
    with Lines(path) as lines:
        for start, block in _blocks(lines):
            _, sections = _molecule(block, path, start)
            frame = _frame(sections["ATOM"], path, start)
            frame.positions *= scale
            yield frame


def samples(path: Path) -> Iterator[Frame | FormatError]:
    """Molecules of a mol2 file in order, and the error in place of each that cannot be read.

    They have their bonds and formal charges, and their names as `id`. Of a file cut in the middle of its
    compression, one error stands for the rest.
    """
    with Lines(path, recover=True) as lines:
        for start, block in _blocks(lines):
            try:
                name, sections = _molecule(block, path, start)
                frame = _frame(sections["ATOM"], path, start)
                frame.bonds, frame.formal_charges = _bonds(sections)
                frame.info = {"id": name}
                yield frame
            except FormatError as error:
                yield error
        if lines.damage is not None:
            yield lines.damage


def _blocks(lines: Lines) -> Iterator[tuple[int, list[str]]]:
    """First line and lines of every molecule; not of one that is cut off by damage."""
    start, block = 1, []
    while (line := lines.next()) is not None:
        if line.startswith(f"{MARK}MOLECULE"):
            if any(map(_says, block)):
                yield start, block
            start, block = lines.number, []
        block.append(line.rstrip("\r\n"))
    if any(map(_says, block)) and not lines.damage:
        yield start, block


def _says(line: str) -> bool:
    """Whether a line is neither blank nor a remark."""
    return bool(line.strip()) and line[0] != "#"


def _molecule(block: list[str], path: Path, start: int) -> tuple[str, dict[str, list[_Row]]]:
    """Name and sections of a molecule, among them ATOM and BOND with as many lines as announced."""
    if not block[0].startswith(f"{MARK}MOLECULE"):
        first = next(i for i, line in enumerate(block) if _says(line))
        raise FormatError(f"{path}:{start + first}", f"{MARK}MOLECULE", shown(block[first]))
    name, counts = (*block[1:3], "", "")[:2]
    announced = counts.split()[:2]
    if not announced or not all(text.isascii() and text.isdigit() for text in announced):
        found = shown(counts) if len(block) > 2 else FILE_END
        raise FormatError(f"{path}:{start + 2}", "the numbers of atoms and bonds", found)
    sections: dict[str, list[_Row]] = {"ATOM": [], "BOND": []}
    rows: list[_Row] = []
    for i, line in enumerate(block[3:], start + 3):
        if line.startswith(MARK):
            rows = sections.setdefault(line.removeprefix(MARK).strip(), [])
        elif _says(line):
            rows.append(_Row(path, i, line.split()))
    for section, text in zip(("ATOM", "BOND"), announced, strict=False):
        if len(sections[section]) != int(text[:20]):
            expected = f"{text[:20]} lines of {MARK}{section}, as announced"
            raise FormatError(f"{path}:{start + 2}", expected, str(len(sections[section])))
    return name.strip().strip("*"), sections  # OpenBabel writes stars where there is no name


def _frame(atoms: list[_Row], path: Path, start: int) -> Frame:
    numbers = []
    for row in atoms:
        # As it is spelt: `ca` is no calcium, but what another force field calls an aromatic carbon.
        element = row.cells[5].partition(".")[0] if len(row.cells) > 5 else ""
        if element not in NUMBERS:
            raise row.error("id, name, three coordinates and a Tripos type, such as C.3, N.ar or Cl")
        numbers.append(NUMBERS[element])
    positions = [[number(cell, row.where) for cell in row.cells[2:5]] for row in atoms]
    return Frame(
        numbers=numbers,
        positions=np.array(positions, dtype=float).reshape(-1, 3),
        path=str(path),
        line=start,
        atom_line=atoms[0].line if atoms else start,
    )


def _bonds(sections: Mapping[str, list[_Row]]) -> tuple[list[tripos.Bond], list[int]]:
    """Bonds and formal charges."""
    atoms = sections["ATOM"]
    places: dict[str, int] = {}
    for i, row in enumerate(atoms):
        if places.setdefault(row.cells[0], i) != i:
            raise row.error("an id that no other atom has")
    bonds: dict[tuple[int, int], float] = {}
    for row in sections["BOND"]:
        ends = sorted(places.get(text, -1) for text in row.cells[1:3])
        order = ORDERS.get(row.cells[3].lower()) if len(row.cells) > 3 else None
        if order is None or ends[0] < 0 or ends[0] == ends[1] or tuple(ends) in bonds:
            raise row.error("id, two atoms not yet bonded and a type of 1, 2, 3, ar or am")
        bonds[ends[0], ends[1]] = order
    said = _charges(sections["UNITY_ATOM_ATTR"], places) if "UNITY_ATOM_ATTR" in sections else None
    types = [row.cells[5] for row in atoms]
    return tripos.charged(types, [(*ends, order) for ends, order in bonds.items()], said)


def _charges(rows: list[_Row], places: Mapping[str, int]) -> dict[int, int]:
    """Formal charges by atom: each atom's line with its number of attributes is followed by these."""
    charges: dict[int, int] = {}
    left = iter(rows)
    for row in left:
        atom, count = places.get(row.cells[0]), row.cells[-1]
        if atom is None or len(row.cells) != 2 or not (count.isascii() and count.isdigit()):
            raise row.error("an atom and its number of attributes")
        for _ in range(int(count[:20])):
            attribute = next(left, None)
            if attribute is None:
                raise row.error("as many attributes as announced")
            name, value = attribute.cells[0], attribute.cells[-1]
            # OpenBabel writes `charge 1`, UNITY `AtomExpr +1`; other expressions say something else.
            if name == "charge" or (name == "AtomExpr" and _WHOLE.fullmatch(value)):
                charge = number(value, attribute.where)
                if not abs(charge) <= MOST_CHARGE or charge != int(charge):
                    raise attribute.error("a whole number of charges")
                charges[atom] = int(charge)
    return charges
