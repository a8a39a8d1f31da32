"""ASE databases (SQLite), in ASE's units: eV and Å unless others are given.

SchNetPack (https://github.com/atomistic-machine-learning/schnetpack, `schnetpack.data.ASEAtomsData`) keeps
all properties in `row.data` and says their units in the metadata. Nothing is unpickled: ASE stores `row.data`
as JSON and raw numbers.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase.db import connect
from ase.db.row import AtomsRow

from tutti.core import properties
from tutti.core.ase_atoms import fixed_atoms
from tutti.core.units import UNITS, Scales, canonical, factor
from tutti.io.ase_traj import set_labels, vectors
from tutti.io.frames import Frame
from tutti.io.labels import KEYS, Labels
from tutti.io.text import FormatError

PROPERTIES = "_property_unit_dict"
"""Where SchNetPack's metadata say the units."""
LABELS = ("energy", "forces")


def frames(path: Path, units: Mapping[str, str], labels: Labels) -> Iterator[Frame]:
    """Frames of a database's rows, in the order of their ids; key-value pairs become columns.

    So do the scalars in `row.data` whose units the metadata says. Energies, forces and stresses are those of
    ASE's calculator, or else lie in `row.data` or among the pairs.

    Raises:
        FormatError: when the file is no ASE database, or other units are given than it says, or none are
            known of energies or forces in `row.data`.
    """
    _check(path)
    try:
        with connect(path, type="db", use_lock_file=False) as database:
            said = database.metadata
            units_of = _units_said(said, units, labels, path)
            known = dict(said.get(PROPERTIES, {}))
            last = 0
            for row in database.select(sort="id"):
                if row.id <= last:  # pages of a damaged file may lead back to themselves, for ever
                    raise FormatError(f"{path}: row {row.id}", f"a row after {last}", "one before it")
                last = row.id
                yield _frame(row, path, {**units, **units_of}, known, labels)
    except (FormatError, MemoryError):
        raise
    except Exception as error:  # a damaged database raises errors of a dozen types
        raise FormatError(str(path), "a readable ASE database", str(error)) from error


def _units_said(
    metadata: Mapping[str, Any], given: Mapping[str, str], labels: Labels, path: Path
) -> dict[str, str]:
    """Units of energy, forces and length that SchNetPack's metadata say; those given must be the same."""
    of = metadata.get(PROPERTIES, {})
    found = {label: of.get(labels.name(label) or label) for label in LABELS}
    found["length"] = metadata.get("_distance_unit")
    said = {name: unit for name, unit in found.items() if unit}
    for name, unit in said.items():
        try:
            agree = canonical(given.get(name, unit)) == canonical(unit)
        except ValueError as error:
            raise FormatError(str(path), f"the unit of {name} in the metadata", str(error)) from error
        if not agree:
            raise FormatError(str(path), f"{name} in {unit}, as the metadata say", f"{given[name]} given")
    return said


def _frame(
    row: AtomsRow, path: Path, units: Mapping[str, str], known: Mapping[str, str | None], labels: Labels
) -> Frame:
    scales = Scales.of(units, energy="eV", length="Å")
    data = {name: np.asarray(row.data[name]) for name in row.data} if row.data else {}
    own = {label: row.get(label) for label in KEYS if row.get(label) is not None}
    values = {**data, **row.key_value_pairs, **own}
    energy, forces, stress = (labels.take(label, values) for label in KEYS)
    if (energy is not None or forces is not None) and not own and "energy" not in units:
        found = f"none; say them in the metadata as {PROPERTIES}, or give them: units: {{energy: eV}}"
        raise FormatError(f"{path}: row {row.id}", "units of energies and forces in row.data", found)
    left = {name: array for name, array in data.items() if name in values}
    info, units_of = _scalars({name: array for name, array in left.items() if name in known}, known)
    periodic = bool(np.any(row.pbc) or np.any(row.cell))
    frame = Frame(
        numbers=row.numbers,
        positions=row.positions * scales.length,
        path=f"{path}: row {row.id}",
        cell=np.asarray(row.cell, dtype=float) * scales.length if periodic else None,
        pbc=np.asarray(row.pbc, dtype=bool) if periodic else None,
        fixed=fixed_atoms(row.constraints, row.natoms),
        info={**info, **{name: value for name, value in row.key_value_pairs.items() if name in values}},
        units=units_of,
        scalars=tuple(name for name, a in left.items() if a.size == 1 and a.dtype.kind in "iuf"),
        vectors=vectors(left, row.natoms),
    )
    set_labels(frame, scales, energy, forces, stress)
    return frame


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
            # A view may be a query without an end.
            kinds = connection.execute("SELECT DISTINCT type FROM sqlite_master WHERE name = 'systems'")
            if (found := kinds.fetchall()) != [("table",)]:
                raise sqlite3.DatabaseError("a view called systems" if found else "no such table: systems")
            connection.execute("SELECT id FROM systems LIMIT 1").fetchall()
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeError) as error:
        raise FormatError(str(path), "an ASE database", str(error)) from error
