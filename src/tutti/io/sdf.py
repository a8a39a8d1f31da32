"""Geometries of SD files (V2000 and V3000), by RDKit.

Bonds and charges of data are not kept; those of samples are, but for records titled gdb_<index>: in QM9's
gdb9.sdf some are wrong. A gdb9.sdf with its gdb9.sdf.csv beside it (DeepChem's QM9) has the properties in the
CSV file.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase

from tutti.core.elements import NUMBERS
from tutti.core.library_calls import RDKIT, LibraryError
from tutti.core.units import Scales, factor
from tutti.io import qm9_xyz
from tutti.io.frames import Frame
from tutti.io.text import FILE_END, FormatError, Lines, number, open_text, shown

QM9_COLUMNS = {name: name for name in qm9_xyz.PROPERTIES} | {
    "U0": "u0",
    "U": "u298",
    "H": "h298",
    "G": "g298",
    "Cv": "cv",
}
COUNTS = re.compile(r"M  V30 +COUNTS +(\d+) +(\d+)", re.ASCII | re.IGNORECASE)
"""What a V3000 record announces, for which RDKit takes memory before it looks for them."""
QM9_TITLE = re.compile("gdb_[0-9]+")
END = "M  END"
ORDERS = {
    Chem.BondType.SINGLE: 1.0,
    Chem.BondType.AROMATIC: 1.5,
    Chem.BondType.DOUBLE: 2.0,
    Chem.BondType.TRIPLE: 3.0,
}
ATOMISATION = {"U0_atom": "u0_atom", "U_atom": "u298_atom", "H_atom": "h298_atom", "G_atom": "g298_atom"}
"""Columns of gdb9.sdf.csv by property; the atomisation energies are in kcal/mol, the others in Hartree."""


def frames(path: Path, units: Mapping[str, str]) -> Iterator[Frame]:
    """Frames of an SD file, in Å unless another unit of length is given.

    Raises:
        FormatError: when the file is malformed (NaN is never let through) or holds two-dimensional drawings.
    """
    table = path.with_name(path.name.removesuffix(".gz") + ".csv")
    if table.exists():
        qm9_xyz.refuse_units(units, path)
        yield from _with_properties(path, table)
        return
    scale = Scales.of(units, energy="eV", length="Å").length
    for _, frame in _records(path):
        frame.positions *= scale
        yield frame


def samples(path: Path) -> Iterator[Frame | FormatError]:
    """Records of an SD file in order, and the error in place of each that cannot be read.

    They have bonds and formal charges, those of QM9 excepted, and their titles as `id`. Of a file cut in the
    middle of its compression, one error stands for the rest.
    """
    with Lines(path, recover=True) as lines:
        for start, block in _blocks(lines):
            try:
                yield _one(block, path, start)
            except FormatError as error:
                yield error
        if lines.damage is not None:
            yield lines.damage


def _one(block: list[str], path: Path, start: int) -> Frame:
    """The frame of a sample; two records without a line between them would be read as the first."""
    ends = [i for i, line in enumerate(block) if line.rstrip() == END]
    if len(ends) > 1:
        raise FormatError(f"{path}:{start + ends[1]}", "$$$$ between two records", shown(END))
    molecule = _molecule(block, path, start)
    frame, title = _frame(molecule, path, start), block[0].strip()
    frame.info = {"id": title}
    if not QM9_TITLE.fullmatch(title):
        frame.bonds = [_bond(bond, block, path, start) for bond in molecule.GetBonds()]
        frame.formal_charges = [atom.GetFormalCharge() for atom in molecule.GetAtoms()]
    return frame


def _bond(bond: Chem.Bond, block: list[str], path: Path, start: int) -> tuple[int, int, float]:
    """Two atoms, the lower one first, and the order of their bond."""
    first, second = sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
    order = ORDERS.get(bond.GetBondType())
    if order is None:
        begin = "M  V30 BEGIN BOND"
        v3000 = next((i + 1 for i, line in enumerate(block) if line.rstrip() == begin), None)
        line = (4 + bond.GetOwningMol().GetNumAtoms() if v3000 is None else v3000) + bond.GetIdx()
        expected = "a single, double, triple or aromatic bond (type 1 to 4)"
        raise FormatError(f"{path}:{start + line}", expected, shown(block[line]))
    return first, second, order


def _records(path: Path) -> Iterator[tuple[str, Frame]]:
    """Title and frame of every record."""
    with Lines(path) as lines:
        for start, block in _blocks(lines):
            yield block[0].strip(), _frame(_molecule(block, path, start), path, start)


def _blocks(lines: Lines) -> Iterator[tuple[int, list[str]]]:
    """First line and lines of every record; not of one that is cut off by damage."""
    line: str | None = ""
    while line is not None:
        start, block = lines.number + 1, []
        while (line := lines.next()) is not None and not line.startswith("$$$$"):
            block.append(line.rstrip("\r\n"))
        if any(text.strip() for text in block) and not (line is None and lines.damage):
            yield start, block


def _molecule(block: list[str], path: Path, start: int) -> Chem.Mol:
    """What RDKit reads in a record, as it stands there."""
    if END not in (line.rstrip() for line in block):
        raise FormatError(
            f"{path}:{start + len(block)}", f"'{END}' of the record from line {start}", FILE_END
        )
    if len(block) < 5:
        raise FormatError(f"{path}:{start}", "three header lines and one with counts", shown(block[0]))
    if block[1][20:22] == "2D":
        raise FormatError(f"{path}:{start + 1}", "three-dimensional coordinates", "a record marked 2D")
    for i, line in enumerate(block):
        counts = COUNTS.match(line)
        if counts and sum(int(count[:20]) for count in counts.groups()) > len(block):
            expected = f"at most the {len(block)} lines of the record as atoms and bonds"
            raise FormatError(f"{path}:{start + i}", expected, shown(line))
    try:
        with rdBase.BlockLogs(), RDKIT:
            molecule = Chem.MolFromMolBlock("\n".join(block), sanitize=False, removeHs=False)
    except LibraryError:
        raise _unreadable(block, path, start) from None
    count = 0 if molecule is None else molecule.GetNumAtoms()
    if molecule is None or (count and not molecule.GetNumConformers()):
        raise _unreadable(block, path, start)
    for i, atom in enumerate(molecule.GetAtoms()):
        if atom.GetAtomicNum() == 0:
            raise FormatError(f"{path}:{start + 4 + i}", "a chemical element", shown(block[4 + i]))
    return molecule


def _frame(molecule: Chem.Mol, path: Path, start: int) -> Frame:
    return Frame(
        numbers=[atom.GetAtomicNum() for atom in molecule.GetAtoms()],
        positions=molecule.GetConformer().GetPositions() if molecule.GetNumAtoms() else np.empty((0, 3)),
        path=str(path),
        line=start,
        atom_line=start + 4,
    )


def _unreadable(block: list[str], path: Path, start: int) -> FormatError:
    """The error of a record that RDKit refuses, at its first malformed V2000 atom if there is one."""
    count = block[3][:3].strip() if block[3].rstrip().endswith("V2000") else ""
    for i, line in enumerate(block[4 : 4 + int(count)] if count.isdigit() else ()):
        try:
            position = [float(line[column : column + 10]) for column in (0, 10, 20)]
        except ValueError:
            position = [np.nan]
        if not np.isfinite(position).all() or line[31:34].strip() not in NUMBERS:
            return FormatError(f"{path}:{start + 4 + i}", "three coordinates and an element", shown(line))
    return FormatError(f"{path}:{start}", "a V2000 or V3000 record that RDKit can read", shown(block[0]))


def _with_properties(path: Path, table: Path) -> Iterator[Frame]:
    for record, row in zip_longest(_records(path), _rows(table)):
        if record is None or row is None:
            raise FormatError(
                str(path), f"as many records as rows in {table.name}", f"more {'rows' if row else 'records'}"
            )
        (title, frame), (name, info) = record, row
        if title != name:
            raise FormatError(frame.where(), f"record '{name}' as in {table.name}", shown(title))
        frame.info, frame.units = info, qm9_xyz.UNITS | dict.fromkeys(ATOMISATION, "eV")
        yield frame


def _rows(table: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Name and properties of every row of gdb9.sdf.csv."""
    scale = qm9_xyz.FACTORS | dict.fromkeys(ATOMISATION, factor("kcal/mol", "eV"))
    columns = QM9_COLUMNS | ATOMISATION
    with open_text(table) as file:
        reader = csv.DictReader(file)
        missing = {"mol_id", *columns.values()} - set(reader.fieldnames or ())
        if missing:
            raise FormatError(f"{table}:1", f"the columns {', '.join(sorted(missing))}", "none such")
        for row in _readable(reader, table):
            where = f"{table}:{reader.line_num}"
            prefix, _, index = (row["mol_id"] or "").partition("_")
            if prefix != "gdb" or not index.isdigit():
                raise FormatError(where, "gdb_<index>", shown(row["mol_id"] or ""))
            values = {key: number(row[name] or "", where) * scale[key] for key, name in columns.items()}
            yield row["mol_id"], {"gdb": int(index), **values}


def _readable(rows: csv.DictReader, table: Path) -> Iterator[dict[str, str]]:
    try:
        yield from rows
    except csv.Error as error:
        raise FormatError(f"{table}:{rows.line_num}", "a row of a CSV file", str(error)) from error
