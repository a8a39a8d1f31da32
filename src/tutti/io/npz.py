"""NumPy archives: of this package, of MD17 and rMD17, of generators, and others whose units are given.

MD17 (Chmiela et al., doi:10.1126/sciadv.1603015) has the arrays `R`, `z`, `E`, `F`; rMD17 (Christensen and
von Lilienfeld, doi:10.1088/2632-2153/abba6f) has `coords`, `nuclear_charges`, `energies`, `forces`. Both are
in Å, kcal/mol and kcal/mol/Å, unless the archive says `r_unit` and `e_unit`, as those that sGDML's scripts
make (https://github.com/stefanch/sGDML). Generators' archives are those of `tutti.io.arrays`.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from tutti.core.structures import Structures, open_npz
from tutti.core.units import UNITS, Scales, canonical
from tutti.io import arrays
from tutti.io.frames import Frame
from tutti.io.text import FormatError, shown

MD17 = {"R", "z", "E", "F"}
RMD17 = {"coords", "nuclear_charges", "energies", "forces"}
OWN = {"metadata", "n_atoms"}


def frames(path: Path, units: Mapping[str, str]) -> Iterator[Frame]:
    """Frames of an archive; nothing is ever unpickled.

    Raises:
        FormatError: when it is malformed, its units are neither known nor said nor given, or others are
            given than it says.
    """
    names, found, own = _read(path, arrays.NAMES)
    if own is not None:
        return _own(own, path, units)
    arrays.require(found, names, path)
    return arrays.molecules(found, path, scales(found, names, units, path), strict=True)


def samples(path: Path) -> Iterator[Frame]:
    """Frames of an archive in order, in Å unless it says another unit: geometries are all that is read.

    The numbers may be no elements, for which each frame is to be judged by itself.

    Raises:
        FormatError: when the archive is malformed.
    """
    names, found, own = _read(path, arrays.GEOMETRY)
    if own is None:
        arrays.require(found, names, path)
        units = {} if "length_unit" in found else {"length": "Å"}
        return arrays.molecules(found, path, scales(found, names, units, path))
    if own.n_atoms.dtype.kind not in "iu" or (own.n_atoms < 0).any():
        raise FormatError(str(path), "n_atoms of whole numbers from 0 on", shown(str(own.n_atoms)))
    return _own(own, path, {})


def _read(path: Path, roles: Collection[str]) -> tuple[set[str], dict[str, np.ndarray], Structures | None]:
    """Names of the arrays, the array of each role, and the structures of an archive of this package.

    Raises:
        FormatError: when the archive cannot be read.
    """
    try:
        with open_npz(path) as archive:
            names = set(archive)
            chosen = {role: name for role, name in arrays.chosen(names).items() if role in roles}
            found = {role: archive[name] for role, name in chosen.items()}
        return names, found, Structures.load(path) if names >= OWN else None
    except ValueError as error:
        raise FormatError(str(path), "a readable .npz archive", str(error)) from error


def scales(found: arrays.Arrays, names: set[str], units: Mapping[str, str], path: Path) -> Scales:
    """Scales of the units that an archive says, that are known or that are given.

    Raises:
        FormatError: when it says others than are given, or something else than a unit, or none are known.
    """
    said = _said(found, path)
    for quantity in said.keys() & units.keys():
        if canonical(units[quantity]) != said[quantity]:
            raise FormatError(
                str(path), f"{quantity} in {said[quantity]}, as the archive says", f"{units[quantity]} given"
            )
    known = {**units, **said}
    if names >= MD17 or names >= RMD17:
        return Scales.of(known, energy="kcal/mol", length="Å")
    has_energy = "energy" in found or "forces" in found
    needed = {"length": "Å", **({"energy": "kcal/mol"} if has_energy else {})}
    missing = {name: unit for name, unit in needed.items() if name not in known}
    if missing:
        raise FormatError(
            str(path),
            f"the units of an archive that is neither MD17 nor rMD17, such as units={missing}",
            f"no unit of {' and '.join(missing)}",
        )
    return Scales.of(known, energy="eV", length="Å")


def _said(found: arrays.Arrays, path: Path) -> dict[str, str]:
    """Units that an archive says, by their names in `tutti.core.units.UNITS`."""
    said = {}
    for quantity in ("energy", "length"):
        array = found.get(f"{quantity}_unit")
        if array is None:
            continue
        text = array.item() if array.size == 1 else array.tolist()
        text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        try:
            said[quantity] = canonical(text)
        except ValueError as error:
            raise FormatError(str(path), f"the unit of {quantity}", str(error)) from error
        if UNITS[said[quantity]][0] != quantity:
            raise FormatError(str(path), f"the unit of {quantity}", shown(text))
    if "energy" in said:
        said["forces"] = f"{said['energy']}/{said.get('length', 'Å')}"
    return said


def _own(structures: Structures, path: Path, units: Mapping[str, str]) -> Iterator[Frame]:
    given = {"energy", "length", "forces"} & units.keys()
    if given:
        raise FormatError(
            str(path), "no units to be given, the file has its own", f"a unit of {sorted(given)}"
        )
    optional = {name: getattr(structures, name) for name in ("energy", "cell", "pbc")}
    for i in range(len(structures)):
        numbers, positions = structures.frame(i)
        atoms = slice(structures.offsets[i], structures.offsets[i + 1])
        yield Frame(
            numbers=numbers,
            positions=positions,
            path=f"{path}: structure {i}",
            forces=None if structures.forces is None else structures.forces[atoms],
            fixed=None if structures.fixed is None else structures.fixed[atoms],
            **{name: array[i] for name, array in optional.items() if array is not None},
            info={name: column[i] for name, column in structures.columns.items()},
            units=structures.units,
            free_atoms=structures.free_atoms,
        )
