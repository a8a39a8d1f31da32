"""Molecules out of arrays by name, padded to one size: what .npz and .pt files hold.

EDM and its relatives (https://github.com/ehoogeboom/e3_diffusion_for_molecules, `eval_analyze.py`) keep their
samples as `x` [n, atoms, 3], `one_hot` [n, atoms, elements] and `node_mask` [n, atoms, 1]; their data as
`positions`, `charges` (of the nuclei, padded with 0) and `num_atoms`. G-SchNet keeps `_positions` and
`_atomic_numbers`. Others have labels instead of numbers.
"""

import warnings
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from tutti.core import elements
from tutti.core.units import Scales
from tutti.io import per_structure
from tutti.io.frames import Frame
from tutti.io.labels import Labels
from tutti.io.text import FormatError, OtherContent, shown

Arrays = Mapping[str, np.ndarray]

LABELS = ("symbols", "species", "elements")
NAMES = {
    "positions": ("R", "coords", "positions", "pos", "x", "_positions"),
    "numbers": ("z", "nuclear_charges", "numbers", "atomic_numbers", "_atomic_numbers", "Z"),
    "one_hot": ("one_hot", "h"),
    "order": ("atom_decoder", *LABELS),
    "labels": LABELS,
    "charges": ("charges",),
    "mask": ("node_mask", "atom_mask", "mask"),
    "counts": ("num_atoms", "n_atoms", "N"),
    "energy": ("E", "energies", "energy"),
    "forces": ("F", "forces"),
    "stress": ("stress",),
    "cell": ("cell", "lattice", "cells", "box"),
    "pbc": ("pbc",),
    "total_charge": ("total_charge", "charge", "Q"),
    "spin": ("spin", "S"),
    "multiplicity": ("multiplicity",),
    "length_unit": ("r_unit", "length_unit"),
    "energy_unit": ("e_unit", "energy_unit"),
}
"""Names under which each array may stand; elements are told by the first there is of `numbers`, `one_hot`
(with `order`), `labels` and `charges`."""
LABELS = ("energy", "forces", "stress")
GEOMETRY = NAMES.keys() - {*LABELS, "energy_unit", "cell", "pbc", "spin", "multiplicity"}
"""What is read of samples."""
TOLD_BY = ("numbers", "one_hot", "labels", "charges")
QM9_ORDER = ("H", "C", "N", "O", "F")
"""Of the columns of `one_hot`: `atom_decoder` of qm9_with_h in EDM's configs/datasets_config.py."""
_WORDS = {"labels": "symbols as text", "counts": "numbers of atoms", "mask": "a mask"}
FILLERS = (0.0, -1.0)
"""Coordinates and numbers of padding; NaN is one more."""


def chosen(names: Collection[str], labels: Labels | None = None) -> dict[str, str]:
    """Of the arrays that an archive has, the name of each role that is filled."""
    known = dict(NAMES)
    if labels is not None:
        known |= {label: labels.names(label, NAMES[label]) for label in LABELS}
    found = {
        role: next((name for name in names_of if name in names), None) for role, names_of in known.items()
    }
    return {role: name for role, name in found.items() if name is not None}


def molecules(
    arrays: Arrays, path: Path, scales: Scales, first: int = 0, strict: bool = False
) -> Iterator[Frame]:
    """Each molecule without its padding.

    Padding is what the mask says, or the counts of atoms. Without either it is an atom of which the number
    (0, -1, NaN, an empty label, no column) and all coordinates (0, -1, NaN) say so: an atom at a place stays.

    Args:
        arrays: by role, see `NAMES`, at least those that `require` asks for: positions [n, atoms, 3];
            numbers, labels or mask [atoms] or [n, atoms]; one_hot with an axis of k more; counts [n].
        path: of the file.
        scales: from its units.
        first: number of the first molecule in the file.
        strict: raise where an atom is of no element; else the frame keeps the number for its reader to judge.

    Raises:
        FormatError: when the arrays do not fit each other, or leave open what an atom is.
    """
    arrays = {role: array for role, array in arrays.items() if role != "counts" or array.ndim}
    _check(arrays, path)
    positions, energy, forces = arrays["positions"], arrays.get("energy"), arrays.get("forces")
    numbers = _numbers(arrays, path)
    real = _real(arrays, numbers, path)
    _compare_charges(arrays, numbers, real, path)
    values = per_structure.read(arrays, path, scales)
    unknown = real & ~np.isin(numbers, np.arange(1, len(elements.SYMBOLS)))
    if strict and unknown.any():
        i, atom = np.argwhere(unknown)[0]
        where = f"{path}: frame {first + i}, atom {real[i, : atom + 1].sum()}"
        raise FormatError(where, "atomic numbers from 1 to 118", str(numbers[i, atom]))
    for i, kept in enumerate(real):
        yield Frame(
            numbers=numbers[i, kept],
            positions=positions[i, kept] * scales.length,
            path=f"{path}: frame {first + i}",
            energy=None if energy is None else float(energy[i].item()) * scales.energy,
            forces=None if forces is None else forces[i, kept] * scales.forces,
            **values(i),
        )


def require(roles: Collection[str], names: Collection[str], path: Path) -> None:
    """Raise OtherContent where the filled roles are not enough for molecules; `names` are all there are."""
    for needed, known in (("positions",), NAMES["positions"]), (TOLD_BY, _telling()):
        if not set(needed) & set(roles):
            what = "positions" if len(needed) == 1 else "numbers"
            listed = sorted(map(str, names))
            found = ", ".join(listed[:10]) + (f" and {len(listed) - 10} more" if len(listed) > 10 else "")
            expected = f"an array of {what} named {' or '.join(known)}"
            raise OtherContent(str(path), expected, f"only {found or 'no named arrays'}")


def _telling() -> tuple[str, ...]:
    return tuple(name for role in TOLD_BY for name in NAMES[role])


def _check(arrays: Arrays, path: Path) -> None:
    positions = arrays["positions"]
    if positions.ndim != 3 or positions.shape[2] != 3 or positions.dtype.kind != "f":
        raise FormatError(str(path), "positions [frames, atoms, 3]", f"{positions.dtype}{positions.shape}")
    count, atoms, _ = positions.shape
    each, column = ((atoms,), (count, atoms)), ((count, atoms, 1),)
    columns = np.shape(arrays.get("one_hot"))[-1:]
    shapes = {
        "numbers": (each, "iuf"),
        "one_hot": (tuple(shape + columns for shape in each), "biuf"),
        "labels": (each, "US"),
        "charges": (each + column, "iuf"),
        "mask": (each + column, "biuf"),
        "counts": (((count,), (count, 1)), "iu"),
        "energy": (((count,), (count, 1)), "iuf"),
        "forces": (((count, atoms, 3),), "iuf"),
    }
    for role in set(TOLD_BY) - {_told(arrays)}:
        del shapes[role]
    for role, (allowed, kinds) in shapes.items():
        array = arrays.get(role)
        if array is not None and (array.shape not in allowed or array.dtype.kind not in kinds):
            expected = f"{_WORDS.get(role, role)} of shape {' or '.join(map(str, allowed))}"
            raise FormatError(str(path), expected, f"{array.dtype}{array.shape}")


def _told(arrays: Arrays) -> str:
    return next(role for role in TOLD_BY if role in arrays)


def _numbers(arrays: Arrays, path: Path) -> np.ndarray:
    """[n, atoms] atomic numbers; what is none stays what it is, no column and no label are 0."""
    shape = arrays["positions"].shape[:2]
    told = _told(arrays)
    if told == "one_hot":
        return np.broadcast_to(_of_columns(arrays, path), shape)
    numbers = _of_labels(arrays[told], path) if told == "labels" else arrays[told]
    return np.broadcast_to(_flat(numbers), shape)


def _flat(array: np.ndarray) -> np.ndarray:
    return array[..., 0] if array.ndim == 3 else array


def _of_labels(labels: np.ndarray, path: Path) -> np.ndarray:
    """Atomic numbers of symbols; an empty one is 0."""
    text = np.char.decode(labels, "utf-8", "replace") if labels.dtype.kind == "S" else labels
    kinds, places = np.unique(np.char.strip(text), return_inverse=True)
    try:
        numbers = [elements.number(str(kind)) if kind else 0 for kind in kinds]
    except KeyError as error:
        first = np.argwhere(np.char.strip(text) == error.args[0])[0] + 1
        where = f"{path}: entry {', '.join(map(str, first))}"
        raise FormatError(where, "symbols of chemical elements", shown(error.args[0])) from error
    return np.array(numbers)[places].reshape(labels.shape)


def _of_columns(arrays: Arrays, path: Path) -> np.ndarray:
    """Atomic numbers of `one_hot`; a row that is not one 1 among 0 is 0."""
    one_hot = arrays["one_hot"]
    _check_binary(one_hot, "one_hot", path)
    width = one_hot.shape[-1]
    order = arrays.get("order")
    if order is not None:
        if order.shape != (width,) or order.dtype.kind not in "USiu":
            found = f"{order.dtype}{order.shape}"
            raise FormatError(str(path), f"the elements of the {width} columns of one_hot", found)
        columns = _of_labels(order, path) if order.dtype.kind in "US" else order.astype(np.int64)
    elif width == len(QM9_ORDER):
        columns = _of_labels(np.array(QM9_ORDER), path)
        warnings.warn(
            f"{path}: the columns of one_hot are taken as {', '.join(QM9_ORDER)}, as EDM has them for QM9; an"
            " array atom_decoder of symbols would say it",
            stacklevel=2,
        )
    else:
        expected = f"an array atom_decoder with the symbols of the {width} columns of one_hot"
        raise FormatError(str(path), expected, "none")
    return np.where(one_hot.sum(-1) == 1, columns[one_hot.argmax(-1)], 0)


def _real(arrays: Arrays, numbers: np.ndarray, path: Path) -> np.ndarray:
    """[n, atoms] bool: which are atoms and no padding."""
    positions, mask, counts = arrays["positions"], arrays.get("mask"), arrays.get("counts")
    if mask is not None:
        _check_binary(mask, "the mask", path)
        mask = np.broadcast_to(_flat(mask) != 0, numbers.shape)
    if counts is not None:
        counts = counts.reshape(-1, 1)
        if (counts < 0).any() or (counts > numbers.shape[1]).any():
            raise FormatError(str(path), f"numbers of atoms from 0 to {numbers.shape[1]}", str(counts.max()))
        if mask is not None and (mask.sum(1) != counts[:, 0]).any():
            raise FormatError(str(path), "a mask with as many atoms as their numbers say", "another one")
    if mask is not None:
        return mask
    if counts is not None:
        return np.arange(numbers.shape[1]) < counts
    nowhere = np.isnan(positions).all(2) | np.any([(positions == filler).all(2) for filler in FILLERS], 0)
    return ~(nowhere & (np.isin(numbers, FILLERS) | (numbers != numbers)))


def _check_binary(array: np.ndarray, name: str, path: Path) -> None:
    other = array[(array != 0) & (array != 1)]
    if other.size:
        raise FormatError(str(path), f"{name} of 0 and 1", str(other.flat[0]))


def _compare_charges(arrays: Arrays, numbers: np.ndarray, real: np.ndarray, path: Path) -> None:
    """Say so where `charges` beside other elements are neither those of the nuclei nor nothing."""
    charges = arrays.get("charges")
    if charges is None or not {"numbers", "one_hot", "labels"} & arrays.keys() or not np.any(charges):
        return
    if _flat(charges).shape == numbers.shape and (_flat(charges) == numbers)[real].all():
        return
    warnings.warn(f"{path}: charges are not read; they are not the atomic numbers of the atoms", stacklevel=2)
