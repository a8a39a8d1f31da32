"""QM9 as the wheel `qm9pack` has it: three CSV files, read out of the zip without installing it.

The first author's own package (R. Ramakrishnan, MIT licence): the 130,831 molecules that are left without the
uncharacterised ones, with the digits of the original files. The column `SMILES` is that of GDB-17, the
first of the two in those files: no stereochemistry in any of them, while the second, of the relaxed geometry,
has it.
"""

import csv
import io
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

import numpy as np

from tutti.core import ragged
from tutti.core.elements import NUMBERS
from tutti.core.structures import Structures
from tutti.data.archives import members
from tutti.io.qm9_xyz import FACTORS, UNITS
from tutti.io.text import FormatError, number, shown

PARTS = tuple(f"qm9pack/data/qm9_part{part}.csv" for part in (1, 2, 3))
STRUCTURE = ("XYZ_file", "Index", "SMILES", "N_atoms", "Elements", "XYZ_Ang")
PROPERTIES = {
    "A": "RotA_GHz",
    "B": "RotB_GHz",
    "C": "RotC_GHz",
    "mu": "Dipole_debye",
    "alpha": "Polarizability_bohr3",
    "homo": "HOMO_au",
    "lumo": "LUMO_au",
    "gap": "HOMO_LUMO_gap_au",
    "r2": "R2_bohr2",
    "zpve": "ZPVE_au",
    "U0": "InternalEnergy_0K_au",
    "U": "InternalEnergy_298K_au",
    "H": "Enthalphy_298K_au",
    "G": "GibbsFreeEnergy_298K_au",
    "Cv": "Heatcapacity_Cv_cal_mol_K",
}
"""Column of the CSV files, spelt as there, by property."""
FIRST_ROW = 2  # line of the file, below the names of the columns


def read(wheel: Path) -> Structures:
    """All molecules, with the columns of `tutti.io.qm9_xyz` but `smiles_relaxed`; the index is `gdb`.

    Raises:
        tutti.data.archives.ArchiveError: when the wheel is damaged.
        tutti.io.FormatError: when a CSV file is malformed; names the file and the line.
        ValueError: when one is missing.
    """
    parts = {name: contents for name, contents in members(wheel) if name in PARTS}
    missing = [name for name in PARTS if name not in parts]
    if missing:
        raise ValueError(f"{wheel}: holds no file {', '.join(missing)}")
    return Structures.concatenate([_part(parts.pop(name), f"{wheel}:{name}") for name in PARTS])


def _part(contents: bytes, path: str) -> Structures:
    files, indices, smiles, counts, elements, positions, *properties = _columns(contents, path)
    gdb, n_atoms = _integers(indices, "an index", path), _integers(counts, "a number of atoms", path)
    for i, (file, index, text) in enumerate(zip(files, gdb, smiles, strict=True)):
        if file != f"dsgdb9nsd_{index:06d}.xyz" or not text:
            found = f"{shown(file)}, {shown(text)}"
            raise FormatError(_where(path, i), f"dsgdb9nsd_{index:06d}.xyz with a SMILES", found)
    owners = ragged.owners(n_atoms)
    values = {
        name: _floats(texts, np.arange(len(texts)), path) * FACTORS[name]
        for name, texts in zip(PROPERTIES, properties, strict=True)
    }
    return Structures(
        n_atoms=n_atoms,
        numbers=_atomic_numbers(elements, n_atoms, path),
        positions=_positions(positions, n_atoms, owners, path),
        columns={"gdb": gdb, **values, "smiles": np.array(smiles)},
        units=UNITS,
    )


def _columns(contents: bytes, path: str) -> list[tuple[str, ...]]:
    """Text of the cells of every column that is needed: those of the structures, then the properties."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(contents), "utf-8", newline=""), strict=True)
    names = (*STRUCTURE, *PROPERTIES.values())
    rows = []
    try:
        header = next(reader, [])
        missing = [name for name in names if name not in header]
        if missing:
            raise FormatError(f"{path}:1", f"the columns {', '.join(missing)}", "none such")
        needed = itemgetter(*map(header.index, names))
        for row in reader:
            if len(row) != len(header):
                raise FormatError(_where(path, len(rows)), f"{len(header)} cells", str(len(row)))
            rows.append(needed(row))
    except (csv.Error, UnicodeDecodeError) as error:
        raise FormatError(_where(path, len(rows)), "a row of CSV", str(error)) from error
    if not rows:
        raise FormatError(_where(path, 0), "a molecule", "none")
    return list(zip(*rows, strict=True))


def _atomic_numbers(texts: Sequence[str], n_atoms: np.ndarray, path: str) -> np.ndarray:
    """[ΣN] uint8 of texts like `['C','H']`."""
    quotes = str.maketrans("", "", "[]'")
    symbols = [text.translate(quotes).split(",") for text in texts]
    for i, (text, found, count) in enumerate(zip(texts, symbols, n_atoms.tolist(), strict=True)):
        wanted = "['" + "','".join(found) + "']"
        if len(found) != count or text != wanted or not NUMBERS.keys() >= set(found):
            raise FormatError(_where(path, i), f"{count} elements like ['C','H']", shown(text))
    return np.array([NUMBERS[symbol] for row in symbols for symbol in row], np.uint8)


def _positions(texts: Sequence[str], n_atoms: np.ndarray, owners: np.ndarray, path: str) -> np.ndarray:
    """[ΣN, 3] of texts like `[[0.,1.,2.],[3.,4.,5.E-6]]`, in Å."""
    brackets = {count: f"[{','.join(['[,,]'] * count)}]".encode() for count in np.unique(n_atoms).tolist()}
    for i, (text, count) in enumerate(zip(texts, n_atoms.tolist(), strict=True)):
        if text.encode().translate(None, b"0123456789.-E") != brackets[count]:
            raise FormatError(_where(path, i), f"{count} rows of coordinates like [[0.,1.,2.]]", shown(text))
    bare = str.maketrans("", "", "[]")
    return _floats([text.translate(bare) for text in texts], np.repeat(owners, 3), path).reshape(-1, 3)


def _integers(texts: Sequence[str], what: str, path: str) -> np.ndarray:
    for i, text in enumerate(texts):
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            raise FormatError(_where(path, i), what, shown(text))
    return np.array(texts, np.int64)


def _floats(texts: Sequence[str], rows: np.ndarray, path: str) -> np.ndarray:
    """All numbers of texts with commas between them; `rows` says which text each is of."""
    try:
        values = np.fromiter(map(float, ",".join(texts).split(",")), float)
    except ValueError:
        cells = [(token, _where(path, i)) for i, text in enumerate(texts) for token in text.split(",")]
        values = np.array([number(token, where) for token, where in cells])
    if not np.isfinite(values).all():
        row = int(rows[np.flatnonzero(~np.isfinite(values))[0]])
        raise FormatError(_where(path, row), "finite numbers", shown(texts[row]))
    return values


def _where(path: str, row: int) -> str:
    return f"{path}:{row + FIRST_ROW}"
