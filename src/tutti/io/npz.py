"""NumPy archives: of this package, of MD17 and rMD17, of generators, and others whose units are given.

MD17 (Chmiela et al., doi:10.1126/sciadv.1603015) has the arrays `R`, `z`, `E`, `F`; rMD17 (Christensen and
von Lilienfeld, doi:10.1088/2632-2153/abba6f) has `coords`, `nuclear_charges`, `energies`, `forces`. Both are
in Å, kcal/mol and kcal/mol/Å, unless the archive says `r_unit` and `e_unit`, as those that sGDML's scripts
make (https://github.com/stefanch/sGDML). Generators' archives are those of `tutti.io.arrays`.
"""

import warnings
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tutti.core.memory import LimitError
from tutti.core.npz import heads, open_npz
from tutti.core.structures import Structures
from tutti.core.units import UNITS, Scales, canonical
from tutti.io import arrays, per_structure
from tutti.io.frames import Frame
from tutti.io.labels import Labels
from tutti.io.text import FormatError, shown

MD17 = {"R", "z", "E", "F"}
RMD17 = {"coords", "nuclear_charges", "energies", "forces"}
OWN = {"metadata", "n_atoms"}
AU = {"energy": "Hartree", "length": "bohr"}
"""What sGDML's users call `au`."""
RECIPE = (
    ", which only unpickling opens; where you trust it, write molecules of different size as extended xyz or"
    " padded with zeros, docs/formats.md says how"
)


def frames(path: Path, units: Mapping[str, str], labels: Labels) -> Iterator[Frame]:
    """Frames of an archive; nothing is ever unpickled. A warning names arrays that are not read.

    Raises:
        FormatError: when it is malformed, its units are neither known nor said nor given, or others are
            given than it says.
    """
    archive = _read(path, arrays.NAMES, labels)
    if archive.own is not None:
        yield from _own(archive.own, path, units, labels)
        return
    arrays.require(archive.found, archive.names, path)
    factors = scales(archive.found, archive.names, units, path)
    others = archive.left(path, labels) if labels.read else ((), ())
    for frame in arrays.molecules(archive.found, path, factors, strict=True):
        frame.scalars, frame.vectors = others
        yield frame


def samples(path: Path) -> Iterator[Frame]:
    """Frames of an archive in order, in Å unless it says another unit: geometries are all that is read.

    The numbers may be no elements, for which each frame is to be judged by itself.

    Raises:
        FormatError: when the archive is malformed.
    """
    archive = _read(path, arrays.GEOMETRY, Labels(read=False))
    if (own := archive.own) is None:
        arrays.require(archive.found, archive.names, path)
        units = {} if "length_unit" in archive.found else {"length": "Å"}
        return arrays.molecules(archive.found, path, scales(archive.found, archive.names, units, path))
    if own.n_atoms.dtype.kind not in "iu" or (own.n_atoms < 0).any():
        raise FormatError(str(path), "n_atoms of whole numbers from 0 on", shown(str(own.n_atoms)))
    return _own(own, path, {}, Labels(read=False))


@dataclass(frozen=True)
class _Archive:
    """What was read: the names of all arrays, the array of each role, the structures if it is one of our own.

    Attributes:
        names: of all arrays.
        chosen: name by role.
        found: array by role.
        own: structures of an archive of this package.
    """

    names: set[str]
    chosen: dict[str, str]
    found: dict[str, np.ndarray]
    own: Structures | None

    def left(self, path: Path, labels: Labels) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the arrays that are not read, see `per_structure.left`."""
        if self.chosen.get("cell") == "lattice":
            cell = self.found["cell"]
            if cell.shape == (3, 3) and (cell != cell.T).any():
                hint = "if they are its columns (sGDML), transpose it"
                warnings.warn(
                    f"{path}: the rows of lattice are taken as the vectors of the cell; {hint}", stacklevel=3
                )
        used = {*self.chosen.values(), *(name for key in labels.keys for name in arrays.NAMES[key])}
        return per_structure.left(_shapes(path), used, self.found["positions"].shape, path)


def _read(path: Path, roles: Collection[str], labels: Labels) -> _Archive:
    """What an archive has of these roles.

    Raises:
        FormatError: when the archive cannot be read.
    """
    try:
        with open_npz(path) as archive:
            names = set(archive)
            chosen = {role: name for role, name in arrays.chosen(names, labels).items() if role in roles}
            found = {role: archive[name] for role, name in chosen.items()}
        own = Structures.load(path) if names >= OWN else None
    except LimitError:
        raise
    except ValueError as error:
        if "Object arrays" in str(error):
            objects = ", ".join(name for name, shape in _shapes(path).items() if shape is None)
            raise FormatError(
                str(path), "arrays of numbers", f"Python objects in {objects}{RECIPE}"
            ) from error
        raise FormatError(str(path), "a readable .npz archive", str(error)) from error
    found = per_structure.fitting(found)
    return _Archive(names, {role: chosen[role] for role in found}, found, own)


def _shapes(path: Path) -> dict[str, tuple[int, ...] | None]:
    """Shape of each array, None of one of Python objects; nothing but the arrays' heads is read."""
    with zipfile.ZipFile(path) as archive:
        return {name: None if dtype.hasobject else shape for name, shape, dtype in heads(archive)}


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
            said[quantity] = canonical(AU[quantity] if text in ("au", "a.u.") else text)
        except ValueError as error:
            raise FormatError(str(path), f"the unit of {quantity}", str(error)) from error
        if UNITS[said[quantity]][0] != quantity:
            raise FormatError(str(path), f"the unit of {quantity}", shown(text))
    if "energy" in said:
        said["forces"] = f"{said['energy']}/{said.get('length', 'Å')}"
    return said


def _own(structures: Structures, path: Path, units: Mapping[str, str], labels: Labels) -> Iterator[Frame]:
    given = {"energy", "length", "forces"} & units.keys()
    if given:
        raise FormatError(
            str(path), "no units to be given, the file has its own", f"a unit of {sorted(given)}"
        )
    columns = dict(structures.columns)
    energy = labels.take("energy", columns | {"energy": structures.energy})
    forces = (
        structures.forces if labels.wants("forces") and labels.name("forces") in (None, "forces") else None
    )
    optional = {"energy": energy, "cell": structures.cell, "pbc": structures.pbc}
    for i in range(len(structures)):
        numbers, positions = structures.frame(i)
        atoms = slice(structures.offsets[i], structures.offsets[i + 1])
        yield Frame(
            numbers=numbers,
            positions=positions,
            path=f"{path}: structure {i}",
            forces=None if forces is None else forces[atoms],
            fixed=None if structures.fixed is None else structures.fixed[atoms],
            **{name: array[i] for name, array in optional.items() if array is not None},
            info={name: column[i] for name, column in structures.columns.items()},
            units=structures.units,
            free_atoms=structures.free_atoms,
        )
