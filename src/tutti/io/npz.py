"""NumPy archives: of this package, of MD17 and rMD17, and others of the same make whose units are given.

MD17 (Chmiela et al., doi:10.1126/sciadv.1603015) has the arrays `R`, `z`, `E`, `F`; rMD17 (Christensen and
von Lilienfeld, doi:10.1088/2632-2153/abba6f) has `coords`, `nuclear_charges`, `energies`, `forces`. Both are
in Å, kcal/mol and kcal/mol/Å.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from tutti.core.structures import Structures, open_npz
from tutti.core.units import Scales
from tutti.io.frames import Frame
from tutti.io.text import FormatError, shown

MD17 = {"R", "z", "E", "F"}
RMD17 = {"coords", "nuclear_charges", "energies", "forces"}
NAMES = {
    "positions": ("R", "coords", "positions", "pos"),
    "numbers": ("z", "nuclear_charges", "numbers", "atomic_numbers"),
    "energy": ("E", "energies", "energy"),
    "forces": ("F", "forces"),
}
"""Names under which each array may stand."""
OWN = {"metadata", "n_atoms"}


def frames(path: Path, units: Mapping[str, str]) -> Iterator[Frame]:
    """Frames of an archive; nothing is ever unpickled.

    Raises:
        FormatError: when it is malformed, or neither MD17 nor rMD17 and the units are not given.
    """
    names, found, own = _read(path, NAMES)
    if own is not None:
        return _own(own, path, units)
    _check(found, names, path)
    _check_elements(found["numbers"], path)
    return _of_arrays(found, path, _scales(found, names, units, path))


def samples(path: Path) -> Iterator[Frame]:
    """Frames of an archive in order, in Å whatever its make: positions and numbers are all that is read.

    The numbers may be no elements, for which each frame is to be judged by itself.

    Raises:
        FormatError: when the archive is malformed.
    """
    names, found, own = _read(path, ("positions", "numbers"))
    if own is None:
        _check(found, names, path)
        return _of_arrays(found, path, Scales.of({}, energy="eV", length="Å"))
    if own.n_atoms.dtype.kind not in "iu" or (own.n_atoms < 0).any():
        raise FormatError(str(path), "n_atoms of whole numbers from 0 on", shown(str(own.n_atoms)))
    return _own(own, path, {})


def _read(
    path: Path, roles: Iterable[str]
) -> tuple[set[str], dict[str, np.ndarray | None], Structures | None]:
    """Names of the arrays, the array of each role or None, and the structures of an archive of this package.

    Raises:
        FormatError: when the archive cannot be read.
    """
    try:
        with open_npz(path) as archive:
            names = set(archive)
            chosen = {role: next((name for name in NAMES[role] if name in names), None) for role in roles}
            arrays = {role: name and archive[name] for role, name in chosen.items()}
        return names, arrays, Structures.load(path) if names >= OWN else None
    except ValueError as error:
        raise FormatError(str(path), "a readable .npz archive", str(error)) from error


def _scales(
    arrays: Mapping[str, np.ndarray | None], names: set[str], units: Mapping[str, str], path: Path
) -> Scales:
    if names >= MD17 or names >= RMD17:
        return Scales.of(units, energy="kcal/mol", length="Å")
    has_energy = arrays["energy"] is not None or arrays["forces"] is not None
    needed = {"length": "Å", **({"energy": "kcal/mol"} if has_energy else {})}
    missing = {name: unit for name, unit in needed.items() if name not in units}
    if missing:
        raise FormatError(
            str(path),
            f"the units of an archive that is neither MD17 nor rMD17, such as units={missing}",
            f"no unit of {' and '.join(missing)}",
        )
    return Scales.of(units, energy="eV", length="Å")


def _check(arrays: Mapping[str, np.ndarray | None], names: set[str], path: Path) -> None:
    for role in ("positions", "numbers"):
        if arrays[role] is None:
            expected = f"an array of {role} named {' or '.join(NAMES[role])}"
            raise FormatError(str(path), expected, f"only {', '.join(sorted(names)) or 'no named arrays'}")
    positions = arrays["positions"]
    if positions.ndim != 3 or positions.shape[2] != 3 or positions.dtype.kind != "f":
        raise FormatError(str(path), "positions [frames, atoms, 3]", f"{positions.dtype}{positions.shape}")
    count, atoms, _ = positions.shape
    shapes = {
        "numbers": ((atoms,), (count, atoms)),
        "energy": ((count,), (count, 1)),
        "forces": ((count, atoms, 3),),
    }
    for role, allowed in shapes.items():
        array = arrays.get(role)
        if array is not None and (array.shape not in allowed or array.dtype.kind not in "iuf"):
            expected = f"{role} of shape {' or '.join(map(str, allowed))}"
            raise FormatError(str(path), expected, f"{array.dtype}{array.shape}")


def _check_elements(numbers: np.ndarray, path: Path) -> None:
    unknown = numbers[~np.isin(numbers, np.arange(1, 119))]
    if len(unknown):
        raise FormatError(str(path), "atomic numbers from 1 to 118", str(unknown[0]))


def _of_arrays(arrays: Mapping[str, np.ndarray | None], path: Path, scales: Scales) -> Iterator[Frame]:
    positions, forces, energy = arrays["positions"], arrays.get("forces"), arrays.get("energy")
    numbers = np.broadcast_to(arrays["numbers"], positions.shape[:2])
    for i in range(len(positions)):
        yield Frame(
            numbers=numbers[i],
            positions=positions[i] * scales.length,
            path=f"{path}: frame {i}",
            energy=None if energy is None else float(energy[i].item()) * scales.energy,
            forces=None if forces is None else forces[i] * scales.forces,
        )


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
            **{name: array[i] for name, array in optional.items() if array is not None},
            info={name: column[i] for name, column in structures.columns.items()},
            units=structures.units,
        )
