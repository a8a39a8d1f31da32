"""ASE databases (SQLite), in ASE's units: eV and Å unless others are given."""

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from ase.db import connect
from ase.db.row import AtomsRow

from tutti.core.units import Scales
from tutti.io.frames import Frame
from tutti.io.text import FormatError


def frames(path: Path, units: Mapping[str, str]) -> Iterator[Frame]:
    """Frames of a database's rows, in the order of their ids; key-value pairs become columns.

    Raises:
        FormatError: when the file is no ASE database.
    """
    scales = Scales.of(units, energy="eV", length="Å")
    _check(path)
    try:
        with connect(path, type="db", use_lock_file=False) as database:
            for row in database.select(sort="id"):
                yield _frame(row, path, scales)
    except Exception as error:  # a damaged database raises errors of a dozen types
        raise FormatError(str(path), "a readable ASE database", str(error)) from error


def _frame(row: AtomsRow, path: Path, scales: Scales) -> Frame:
    energy, forces = row.get("energy"), row.get("forces")
    periodic = bool(np.any(row.pbc) or np.any(row.cell))
    return Frame(
        numbers=row.numbers,
        positions=row.positions * scales.length,
        path=f"{path}: row {row.id}",
        energy=None if energy is None else float(energy) * scales.energy,
        forces=None if forces is None else np.asarray(forces, dtype=float) * scales.forces,
        cell=np.asarray(row.cell, dtype=float) * scales.length if periodic else None,
        pbc=np.asarray(row.pbc, dtype=bool) if periodic else None,
        info=dict(row.key_value_pairs),
    )


def _check(path: Path) -> None:
    # ASE would turn any file that SQLite opens into a database, so look first, without leave to write.
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            connection.execute("SELECT id FROM systems LIMIT 1").fetchall()
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeError) as error:
        raise FormatError(str(path), "an ASE database", str(error)) from error
