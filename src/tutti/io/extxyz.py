"""Extended and plain xyz files with many frames, read and written.

A frame is a line with the number of atoms, a comment line, and one line per atom. In an extended file the
comment holds `key=value` pairs, of which `Properties` names the atoms' columns and `Lattice` and `pbc` the
cell (https://github.com/libAtoms/extxyz). Energies and forces are in eV and eV/Å, ASE's convention, unless
other units are given.
"""

import gzip
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tutti.core.elements import SYMBOLS
from tutti.core.elements import number as atomic_number
from tutti.core.files import atomic_path
from tutti.core.structures import Structures
from tutti.core.units import Scales
from tutti.io import comment, move_mask, qm9_xyz, recovery
from tutti.io.frames import SAMPLE_INFO, Frame, stress_matrix
from tutti.io.labels import Labels
from tutti.io.text import FormatError, Lines, number, shown, table

CHUNK = 2048  # structures turned into text at once


def frames(path: Path, units: Mapping[str, str], labels: Labels) -> Iterator[Frame]:
    """Frames of an extended, plain or QM9 xyz file.

    Of the atoms' columns only species, positions, forces and which are fixed are kept. In a plain file a line
    may go on after the coordinates; what follows is ignored, with a warning where it may be forces.

    Raises:
        FormatError: when the file is malformed.
    """
    scales = Scales.of(units, energy="eV", length="Å")

    def parse(header: str, remark: str, atoms: list[str], lines: Lines) -> Frame:
        start = lines.number - len(atoms) - 1
        if qm9_xyz.is_header(remark):
            qm9_xyz.refuse_units(units, path)
            return qm9_xyz.frame([header, remark, *atoms, *lines.take(3)], str(path), start)
        if start == 1 and labels.wants("forces") and labels.name("forces") is None:
            _warn_of_columns(remark, atoms, path)
        frame = _frame(remark, atoms, path, start, scales, labels)
        frame.path = lines.name
        return frame

    with Lines(path) as lines:
        yield from recovery.walk(lines, parse)


def _warn_of_columns(remark: str, atoms: Sequence[str], path: Path) -> None:
    """Say so where a plain file has three more numbers for each atom."""
    cells = atoms[0].split() if atoms else []
    try:
        further = [number(cell, "") for cell in cells[4:]]
    except FormatError:
        return
    if len(further) == 3 and "properties" not in remark.lower():
        hint = "if they are forces, the comment says so by Properties=species:S:1:pos:R:3:forces:R:3"
        warnings.warn(f"{path}:3: columns 5 to 7 are not read; {hint}", stacklevel=2)


def samples(path: Path) -> Iterator[Frame | FormatError]:
    """Frames of an xyz file in order, and the error in place of each that cannot be read.

    Only atoms and the values named in `SAMPLE_INFO` are kept. A frame whose comment cannot be parsed is read
    as plain xyz, and columns that `Properties` does not name are ignored.
    """
    with Lines(path, recover=True) as lines:
        yield from recovery.walk(lines, _sample)


def _sample(header: str, remark: str, atoms: list[str], lines: Lines) -> Frame:
    start = lines.number - len(atoms) - 1
    if qm9_xyz.is_header(remark):
        tail = lines.take(3)
        try:
            return qm9_xyz.frame([header, remark, *atoms, *tail], str(lines.path), start)
        except FormatError:  # another format whose comment begins like QM9's
            lines.give_back(tail)
    info, layout = _remark(remark, lines.where(start + 1))
    cells = _cells(atoms, layout, False, lines.path, start + 2)
    return Frame(
        numbers=_numbers([row[layout.species] for row in cells], lines.path, start + 2),
        positions=table(cells, layout.positions, lines.path, start + 2),
        path=lines.name,
        line=start + 1,
        atom_line=start + 2,
        info=info,
    )


def _remark(remark: str, where: str) -> tuple[dict[str, str], comment.Layout]:
    """What samples need of a comment line, which may hold anything."""
    plain = comment.layout(comment.PLAIN, where)
    if "properties" not in remark.lower() and not any(name in remark for name in SAMPLE_INFO):
        return {}, plain
    try:
        info = comment.pairs(remark, where)
        layout = comment.layout(str(info["Properties"]), where) if "Properties" in info else plain
    except FormatError:
        return {}, plain
    return {name: value for name, value in info.items() if name in SAMPLE_INFO}, layout


def _frame(remark: str, atoms: Sequence[str], path: Path, line: int, scales: Scales, labels: Labels) -> Frame:
    where, first = f"{path}:{line + 1}", line + 2
    info = comment.pairs(remark, where)
    extended = "Properties" in info
    layout = comment.layout(
        str(info.pop("Properties", comment.PLAIN)), where, labels.names("forces", comment.FORCES)
    )
    cells = _cells(atoms, layout, extended, path, first)
    energy, stress = labels.take("energy", info), labels.take("stress", info)
    cell, pbc = comment.lattice(info, where)
    units = comment.column_units(info, where)
    if stress is not None:
        info["stress"], units["stress"] = stress_matrix(stress.split(), where) * scales.stress, "eV/Å³"
    return Frame(
        numbers=_numbers([row[layout.species] for row in cells], path, first),
        positions=table(cells, layout.positions, path, first) * scales.length,
        path=str(path),
        line=line + 1,
        atom_line=first,
        energy=None if energy is None else number(energy, where) * scales.energy,
        forces=None if layout.forces is None else table(cells, layout.forces, path, first) * scales.forces,
        cell=None if cell is None else cell * scales.length,
        pbc=pbc,
        fixed=None if layout.mask is None else move_mask.fixed(cells, layout.mask, path, first),
        units=units,
        info=info,
        vectors=layout.vectors if labels.read else (),
    )


def _cells(
    atoms: Sequence[str], layout: comment.Layout, exact: bool, path: Path, first_line: int
) -> list[list[str]]:
    cells = []
    for line, atom in enumerate(atoms, first_line):
        row = atom.split()
        if len(row) < layout.width or (exact and len(row) > layout.width):
            raise FormatError(f"{path}:{line}", f"{layout.width} columns", shown(atom))
        cells.append(row)
    return cells


def _numbers(species: Sequence[str], path: Path, first_line: int) -> np.ndarray:
    try:
        return np.array([atomic_number(text) for text in species], dtype=np.uint8)
    except KeyError as error:
        line = first_line + species.index(error.args[0])
        raise FormatError(f"{path}:{line}", "a chemical element", shown(error.args[0])) from error


def write(path: str | Path, structures: Structures) -> None:
    """Write an extended xyz file (gzipped when it is named *.gz), atomically; `read` gives the same again.

    Floats have as many digits as they need to be read exactly. Columns and their units go into the comment
    line, fixed atoms into the column `move_mask`; free atoms are no structures, and not written. Same
    structures give the same bytes.

    Raises:
        ValueError: when an atomic number is no element, or a column has a name or a type that does not fit.
    """
    path = Path(path)
    if len(structures.numbers) and not 1 <= structures.numbers.min() <= structures.numbers.max() < 119:
        raise ValueError(f"{path}: atomic numbers go from 1 to 118, one of them is not")
    writers = _writers(structures, path)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        # No name and no time in the gzip header: they would make the bytes differ.
        out = gzip.GzipFile("", "wb", fileobj=file, mtime=0) if path.suffix == ".gz" else file
        for start in range(0, len(structures), CHUNK):
            out.writelines(frame.encode() for frame in _texts(structures[start : start + CHUNK], writers))
        if out is not file:
            out.close()


def _writers(structures: Structures, path: Path) -> dict[str, object]:
    writers = {}
    special = {"energy": structures.energy, "Lattice": structures.cell, "pbc": structures.pbc}
    written = {"Properties", *(name for name, array in special.items() if array is not None)}
    for name, array in structures.columns.items():
        if comment.is_misread(name, written) or not re.fullmatch(r"[^\s='\"\[\]{}]+", name):
            raise ValueError(f"{path}: '{name}' cannot be the name of a column of an extended xyz file")
        try:
            writers[name] = comment.writer(array)
        except TypeError as error:
            raise ValueError(f"{path}: column '{name}' cannot be written as extended xyz: {error}") from error
    return writers


def _texts(part: Structures, writers: Mapping[str, object]) -> Iterator[str]:
    """Each structure as the text of its frame."""
    rows = _atom_rows(part)
    for i, remark in enumerate(_comments(part, writers)):
        atoms = rows[part.offsets[i] : part.offsets[i + 1]]
        yield "\n".join([str(len(atoms)), remark, *atoms, ""])


def _atom_rows(part: Structures) -> list[str]:
    symbols = [SYMBOLS[z] for z in part.numbers.tolist()]
    blocks = [part.positions] if part.forces is None else [part.positions, part.forces]
    numbers = np.hstack(blocks).tolist()
    rows = [f"{symbol} {' '.join(map(repr, row))}" for symbol, row in zip(symbols, numbers, strict=True)]
    if part.fixed is None:
        return rows
    return [f"{row} {'FT'[moves]}" for row, moves in zip(rows, (~part.fixed).tolist(), strict=True)]


def _comments(part: Structures, writers: Mapping[str, object]) -> Iterable[str]:
    keys: list[list[str]] = []
    if part.cell is not None:
        keys.append(
            [comment.pair("Lattice", " ".join(map(repr, c))) for c in part.cell.reshape(-1, 9).tolist()]
        )
    layout = f"Properties={comment.PLAIN}{':forces:R:3' if part.forces is not None else ''}"
    layout += "" if part.fixed is None else f":{move_mask.MASK}:L:1"
    keys.append([layout] * len(part))
    if part.pbc is not None:
        keys.append([comment.pair("pbc", " ".join("FT"[flag] for flag in p)) for p in part.pbc.tolist()])
    if part.energy is not None:
        keys.append([f"energy={energy!r}" for energy in part.energy.tolist()])
    for name, write_value in writers.items():
        keys.append([comment.pair(name, write_value(value)) for value in part.columns[name].tolist()])
    units = {name: unit for name, unit in part.units.items() if name in part.columns}
    if units:
        keys.append([comment.pair("units", comment.units_value(units))] * len(part))
    return map(" ".join, zip(*keys, strict=True))
