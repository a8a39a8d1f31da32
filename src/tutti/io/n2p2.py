"""`input.data` of n2p2 and RuNNer (https://compphysvienna.github.io/n2p2): Bohr and Hartree by custom.

A structure is the lines between `begin` and `end`: `comment`, none or three of `lattice x y z`,
`atom x y z element charge unused fx fy fz`, `energy` and `charge`, which others call `totalcharge`. Comments
may also stand between structures.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tutti.core.elements import number as atomic_number
from tutti.core.units import Scales
from tutti.io.frames import Frame
from tutti.io.text import FILE_END, FormatError, Lines, number, shown

WORDS = {"lattice": 4, "atom": 10, "energy": 2, "charge": 2, "totalcharge": 2}
"""Number of words of a line by its first one."""


@dataclass
class Block:
    """What has been read of a structure, in the file's units."""

    line: int
    atoms: list[tuple[int, list[str]]] = field(default_factory=list)
    lattice: list[list[float]] = field(default_factory=list)
    energy: float | None = None
    charge: float | None = None


def frames(path: Path, units: Mapping[str, str]) -> Iterator[Frame]:
    """Frames of an `input.data` file, in Bohr and Hartree unless other units are given.

    Raises:
        FormatError: when the file is malformed.
    """
    scales = Scales.of(units, energy="Hartree", length="bohr")
    with Lines(path) as lines:
        while (line := lines.next_filled()) is not None:
            words = line.split()
            if words[0] == "comment" or words[0].startswith("#"):
                continue
            if words != ["begin"]:
                raise FormatError(lines.where(), "begin", shown(line))
            yield _frame(_block(lines), path, scales)


def _block(lines: Lines) -> Block:
    block = Block(lines.number)
    while (line := lines.next_filled()) is not None:
        word, *values = line.split()
        where = lines.where()
        if word == "end":
            return block
        if word == "comment":
            continue
        if len(values) + 1 != WORDS.get(word):
            expected = "atom, lattice, energy, charge, comment or end with the right number of values"
            raise FormatError(where, expected, shown(line))
        if word == "atom":
            block.atoms.append((lines.number, values))
        elif word == "lattice":
            block.lattice.append([number(value, where) for value in values])
        elif word == "energy":
            block.energy = number(values[0], where)
        else:
            block.charge = number(values[0], where)
    raise FormatError(
        lines.where(lines.number + 1), f"the end of the structure from line {block.line}", FILE_END
    )


def _frame(block: Block, path: Path, scales: Scales) -> Frame:
    if len(block.lattice) not in (0, 3):
        raise FormatError(f"{path}:{block.line}", "three lattice vectors or none", str(len(block.lattice)))
    values = np.array([_atom(values, f"{path}:{line}") for line, values in block.atoms]).reshape(-1, 7)
    periodic = bool(block.lattice)
    return Frame(
        numbers=values[:, 0].astype(np.uint8),
        positions=values[:, 1:4] * scales.length,
        path=str(path),
        line=block.line,
        atom_line=block.atoms[0][0] if block.atoms else block.line,
        energy=None if block.energy is None else block.energy * scales.energy,
        forces=values[:, 4:7] * scales.forces,
        cell=np.array(block.lattice) * scales.length if periodic else None,
        pbc=np.ones(3, bool) if periodic else None,
        info={} if block.charge is None else {"charge": block.charge},
        units={} if block.charge is None else {"charge": "e"},
    )


def _atom(values: list[str], where: str) -> list[float]:
    x, y, z, element, charge, unused, *forces = values
    try:
        species = atomic_number(element)
    except KeyError as error:
        raise FormatError(where, "a chemical element", shown(element)) from error
    number(charge, where), number(unused, where)
    return [species, *(number(value, where) for value in (x, y, z, *forces))]
