"""QM9's own xyz: Ramakrishnan et al., Scientific Data 1, 140022 (2014), doi:10.1038/sdata.2014.22.

One molecule per file: number of atoms; `gdb`, index and 15 properties (table 3 of the paper); one line per
atom with symbol, coordinates (Å) and Mulliken charge; harmonic frequencies; SMILES; InChI. Exponents may be
written `*^`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tutti.core import properties
from tutti.core.elements import number as atomic_number
from tutti.core.units import factor
from tutti.io.frames import Frame
from tutti.io.text import FormatError, shown, table
from tutti.io.text import number as to_number

PROPERTIES = ("A", "B", "C", *properties.QM9)
UNITS = properties.units(PROPERTIES)

# Energies are in Hartree; the other units are those in which the package keeps the properties.
FACTORS = {name: factor("Hartree", "eV") if unit == "eV" else 1.0 for name, unit in UNITS.items()}


def is_header(line: str) -> bool:
    """Whether a comment line is that of a QM9 file."""
    return line.startswith(("gdb ", "gdb\t"))


def refuse_units(units: Mapping[str, str], path: str | Path) -> None:
    """Raise a FormatError when units are given for a QM9 file, whose units are known."""
    given = {"energy", "length", "forces"} & units.keys()
    if given:
        raise FormatError(str(path), "no units to be given, QM9's are known", f"a unit for {sorted(given)}")


def frame(lines: Sequence[str], path: str, first_line: int) -> Frame:
    """One molecule out of its lines, the first of which is line `first_line` of the file `path`.

    Raises:
        FormatError: when they are malformed.
    """
    header = lines[0].strip() if lines else ""
    if not header.isdigit():
        raise FormatError(f"{path}:{first_line}", "the number of atoms", shown(header))
    count = int(header)
    if len(lines) < count + 5:
        expected = f"{count + 5} lines: {count} atoms, frequencies, SMILES and InChI among them"
        raise FormatError(f"{path}:{first_line + len(lines)}", expected, f"the end after {len(lines)}")
    cells = [line.replace("*^", "e").split() for line in lines[2 : count + 2]]
    for i, row in enumerate(cells):
        if len(row) != 5:
            where = f"{path}:{first_line + 2 + i}"
            raise FormatError(where, "symbol, three coordinates and a charge", shown(lines[2 + i]))
    info = _properties(lines[1], f"{path}:{first_line + 1}")
    info |= _smiles(lines[count + 3], f"{path}:{first_line + count + 3}")
    return Frame(
        numbers=[_element(row[0], f"{path}:{first_line + 2 + i}") for i, row in enumerate(cells)],
        positions=table(cells, slice(1, 5), path, first_line + 2)[:, :3],
        path=path,
        line=first_line,
        atom_line=first_line + 2,
        info=info,
        units=UNITS,
    )


def _properties(line: str, where: str) -> dict[str, object]:
    values = line.replace("*^", "e").split()
    if len(values) != 2 + len(PROPERTIES) or values[0] != "gdb" or not values[1].isdigit():
        raise FormatError(where, f"gdb, an index and {len(PROPERTIES)} properties", shown(line))
    numbers = {
        name: to_number(value, where) * FACTORS[name]
        for name, value in zip(PROPERTIES, values[2:], strict=True)
    }
    return {"gdb": int(values[1]), **numbers}


def _smiles(line: str, where: str) -> dict[str, object]:
    values = line.split()
    if len(values) != 2:
        raise FormatError(where, "two SMILES, of GDB-17 and of the relaxed geometry", shown(line))
    return {"smiles": values[0], "smiles_relaxed": values[1]}


def _element(text: str, where: str) -> int:
    try:
        return atomic_number(text)
    except KeyError as error:
        raise FormatError(where, "a chemical element", shown(text)) from error
