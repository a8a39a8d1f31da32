"""ASE databases (SQLite), in ASE's units: eV and Å unless others are given.

SchNetPack (https://github.com/atomistic-machine-learning/schnetpack, `schnetpack.data.ASEAtomsData`) keeps
all properties in `row.data` and says their units in the metadata. Nothing is unpickled: ASE stores `row.data`
as JSON and raw numbers.
"""

import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase.db import connect
from ase.db.row import AtomsRow

from tutti.core import properties
from tutti.core.ase_atoms import fixed_atoms
from tutti.core.units import UNITS, Scales, canonical, factor
from tutti.io.frames import Frame
from tutti.io.text import FormatError

PROPERTIES = "_property_unit_dict"
"""Where SchNetPack's metadata say the units."""
TRAINED = ("energy", "forces")


def frames(path: Path, units: Mapping[str, str]) -> Iterator[Frame]:
    """Frames of a database's rows, in the order of their ids; key-value pairs become columns.

    So do the scalars in `row.data` whose units the metadata says. Where they say none, energies and forces in
    `row.data` are read if their unit is given, and warned of if not.

    Raises:
        FormatError: when the file is no ASE database, or other units are given than it says.
    """
    _check(path)
    try:
        with connect(path, type="db", use_lock_file=False) as database:
            said = database.metadata
            units_of = _units_said(said, units, path)
            scales = Scales.of({**units, **units_of}, energy="eV", length="Å")
            known = dict(said.get(PROPERTIES, dict.fromkeys(TRAINED)))
            if "energy" not in {**units, **units_of}:
                known = {name: unit for name, unit in known.items() if name not in TRAINED}
            for row in database.select(sort="id"):
                yield _frame(row, path, scales, known)
    except FormatError:
        raise
    except Exception as error:  # a damaged database raises errors of a dozen types
        raise FormatError(str(path), "a readable ASE database", str(error)) from error


def _units_said(metadata: Mapping[str, Any], given: Mapping[str, str], path: Path) -> dict[str, str]:
    """Units of energy, forces and length that SchNetPack's metadata say; those given must be the same."""
    found = {**metadata.get(PROPERTIES, {}), "length": metadata.get("_distance_unit")}
    said = {name: found[name] for name in ("energy", "forces", "length") if found.get(name)}
    for name, unit in said.items():
        try:
            agree = canonical(given.get(name, unit)) == canonical(unit)
        except ValueError as error:
            raise FormatError(str(path), f"the unit of {name} in the metadata", str(error)) from error
        if not agree:
            raise FormatError(str(path), f"{name} in {unit}, as the metadata say", f"{given[name]} given")
    return said


def _frame(row: AtomsRow, path: Path, scales: Scales, known: Mapping[str, str | None]) -> Frame:
    data = {name: np.asarray(row.data[name]) for name in known if name in row.data}
    energy, forces = (row.get(name, data.pop(name, None)) for name in TRAINED)
    if energy is None and forces is None and not row.data.keys().isdisjoint(TRAINED):
        text = (
            "energies and forces in row.data are not read: give their units, or say them in the metadata as"
        )
        warnings.warn(f"{path}: {text} {PROPERTIES}", stacklevel=2)
    info, units = _scalars(data, known)
    periodic = bool(np.any(row.pbc) or np.any(row.cell))
    return Frame(
        numbers=row.numbers,
        positions=row.positions * scales.length,
        path=f"{path}: row {row.id}",
        energy=None if energy is None else float(np.asarray(energy).item()) * scales.energy,
        forces=None if forces is None else np.asarray(forces, dtype=float) * scales.forces,
        cell=np.asarray(row.cell, dtype=float) * scales.length if periodic else None,
        pbc=np.asarray(row.pbc, dtype=bool) if periodic else None,
        fixed=fixed_atoms(row.constraints, row.natoms),
        info={**info, **row.key_value_pairs},
        units=units,
    )


def _scalars(
    data: Mapping[str, np.ndarray], known: Mapping[str, str | None]
) -> tuple[dict[str, object], dict[str, str]]:
    """Values of one number by name, and their units: the package's own for properties that it knows."""
    info, units = {}, {}
    for name, array in data.items():
        if array.size != 1 or array.dtype.kind not in "iuf":
            continue
        info[name] = array.item()
        try:
            unit = canonical(known[name] or "")
        except ValueError:  # a unit that has no name here, or none
            continue
        key = properties.KEYS.get(name)
        fits = key is not None and UNITS[key.unit][0] == UNITS[unit][0]
        units[name] = key.unit if fits else unit
        info[name] *= factor(unit, units[name])
    return info, units


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
