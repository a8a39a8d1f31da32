"""The comment line of extended xyz: `key=value` pairs with quotes, and what the special keys mean."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tutti.core import json_text
from tutti.core.columns import BOOLEANS, Untyped, is_text
from tutti.io.move_mask import MASK
from tutti.io.text import FormatError, number, shown

PLAIN = "species:S:1:pos:R:3"
"""The atoms' columns where `Properties` is not given."""

FORCES = ("forces", "force")
"""The atoms' column of forces, as ASE and GPUMD name it."""
DIRECTIONS = BOOLEANS | {"1": True, "0": False}
"""Words of `pbc`."""

RESERVED = ("Properties", "Lattice", "pbc", "energy", "free_energy", "units")
_ANY_CASE = {name.lower(): name for name in ("Properties", "Lattice", "pbc", "energy")}

# Keys begin at a boundary and brackets end before the next one opens: no line takes quadratic time.
_PAIR = re.compile(
    r"""(?<![^\s='"\[\]{}])(?P<key>[^\s='"\[\]{}]+)\s*=\s*
    (?:"(?P<quoted>(?:[^"\\]|\\.)*)"
     | '(?P<single>[^']*)'
     | (?P<bracket>\[(?:(?!=\s*[\[{]).)*?\]|\{(?:(?!=\s*[\[{]).)*?\})(?=\s|$)
     | (?P<plain>\S+))""",
    re.VERBOSE,
)
_BARE = re.compile(r"[\w.+\-/#@()%:]+", re.ASCII)


@dataclass(frozen=True)
class Layout:
    """Where things stand on an atom's line, and the names of further columns of three real numbers."""

    width: int
    species: int
    positions: slice
    forces: slice | None
    mask: slice | None
    vectors: tuple[str, ...] = ()


def pairs(line: str, where: str) -> dict[str, str]:
    """Values by key; those of which the type is open are `Untyped`. Words without `=` are prose.

    `Properties`, `Lattice`, `pbc` and `energy` are known in any case, as GPUMD reads and writes them
    (https://gpumd.org/gpumd/input_files/model_xyz.html); where the usual spelling is there too, it counts.

    Raises:
        FormatError: when a value begins like JSON text and is none, or a key stands there in two unusual
            spellings.
    """
    found: dict[str, str] = {}
    for match in _PAIR.finditer(line):
        kind = match.lastgroup or "plain"
        value = match[kind]
        if kind == "quoted" and "\\" in value:
            value = re.sub(r'\\(["\\])', r"\1", value)
        try:
            found[match["key"]] = (
                json_text.loads(value[6:]) if value.startswith('_JSON "') else Untyped(value)
            )
        except ValueError as error:
            raise FormatError(where, "JSON text", shown(value)) from error
    return _usual_case(found, where)


def is_misread(name: str, written: Collection[str]) -> bool:
    """Whether a key of this name is special, or taken for a special one that is not `written` beside it."""
    usual = _ANY_CASE.get(name.lower(), name)
    return name in RESERVED or (usual != name and usual not in written)


def _usual_case(found: dict[str, str], where: str) -> dict[str, str]:
    spellings = [key for key in found if _ANY_CASE.get(key.lower(), key) not in found]
    named = {_ANY_CASE[key.lower()]: key for key in spellings}
    if len(named) < len(spellings):
        raise FormatError(where, f"each of {', '.join(named)} once", " and ".join(spellings))
    usual = {key: name for name, key in named.items()}
    return {usual.get(key, key): value for key, value in found.items()}


def layout(properties: str, where: str, forces: tuple[str, ...] = FORCES) -> Layout:
    """Meaning of a `Properties` value such as `species:S:1:pos:R:3:forces:R:3`; names in any case.

    Args:
        properties: the value.
        where: place of the comment.
        forces: names of the forces, of which the first one there counts.

    Raises:
        FormatError: when it is malformed or has no species (or Z, or numbers) and positions.
    """
    try:
        return _layout(properties, forces)
    except ValueError as error:
        raise FormatError(where, str(error), shown(properties)) from error


@lru_cache
def _layout(properties: str, names: tuple[str, ...]) -> Layout:
    parts = properties.split(":")
    if len(parts) % 3 or not all(width.isdigit() for width in parts[2::3]):
        raise ValueError("Properties=name:type:columns:...")
    columns, vectors, width = {}, [], 0
    for name, kind, count in zip(parts[::3], parts[1::3], map(int, parts[2::3]), strict=True):
        columns[name] = slice(width, width + count)
        vectors += [name] if kind in "Rr" and count == 3 else []
        width += count
    if ":fx:r:1:fy:r:1:fz:r:1" in properties.lower():
        start = next(found.start for name, found in columns.items() if name.lower() == "fx")
        columns["fx fy fz"] = slice(start, start + 3)
        vectors.append("fx fy fz")
    known = {name.lower(): found for name, found in columns.items()} | columns

    def of(*spellings: str) -> slice | None:
        return next((known[name] for name in spellings if name in known), None)

    species, positions, forces = of("species", "z", "numbers"), of("pos", "positions"), of(*names)
    if species is None or positions is None:
        raise ValueError("Properties with species (or Z) and pos")
    for name, found, count in (("species", species, 1), ("pos", positions, 3), ("forces", forces, 3)):
        if found is not None and found.stop - found.start != count:
            raise ValueError(f"Properties with {name} in {count} columns")
    mask = of(MASK)
    if mask is not None and mask.stop - mask.start not in (1, 3):
        raise ValueError(f"Properties with {MASK} in one or three columns")
    left = tuple(name for name in vectors if columns[name] not in (positions, forces, mask))
    return Layout(width, species.start, positions, forces, mask, left)


def lattice(info: dict[str, str], where: str) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Take `Lattice` and `pbc` out of the pairs: (cell [3, 3] with rows as vectors, pbc [3]), None without.

    A lattice without `pbc` is periodic in all directions.

    Raises:
        FormatError: when they are malformed, or periodic without a lattice.
    """
    text, flags = info.pop("Lattice", None), info.pop("pbc", None)
    pbc = None if flags is None else _directions(flags, where)
    if text is None:
        if pbc is not None and pbc.any():
            raise FormatError(where, "a Lattice for periodic directions", f"pbc={shown(flags)} alone")
        return None, None
    entries = text.split()
    if len(entries) != 9:
        raise FormatError(where, "9 numbers in Lattice", shown(text))
    cell = np.array([number(entry, where) for entry in entries]).reshape(3, 3)
    return cell, np.ones(3, bool) if pbc is None else pbc


def _directions(text: str, where: str) -> np.ndarray:
    words = text.strip("[]{}").replace(",", " ").split()
    if len(words) not in (1, 3) or not all(word in DIRECTIONS for word in words):
        raise FormatError(where, 'pbc="T T T" or the like', shown(text))
    return np.broadcast_to([DIRECTIONS[word] for word in words], 3).copy()


def column_units(info: dict[str, str], where: str) -> dict[str, str]:
    """Take out `units`, the units of the other values, as this package writes them.

    Raises:
        FormatError: when it begins like them and is no JSON.
    """
    if not info.get("units", "").startswith("_JSON {"):
        return {}
    text = info.pop("units")
    try:
        return json_text.loads(text[6:])
    except ValueError as error:
        raise FormatError(where, "units as JSON", shown(text)) from error


def pair(key: str, value: str) -> str:
    """`key=value` with quotes where they are needed."""
    if _BARE.fullmatch(value):
        return f"{key}={value}"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{key}="{escaped}"'


def text_value(text: str) -> str:
    """`text` such that it is read as text again: as JSON where it looks like something else."""
    return text if text.isprintable() and text == text.strip() and is_text(text) else _json(text)


def units_value(units: Mapping[str, str]) -> str:
    """The value of the key `units`."""
    return _json(dict(sorted(units.items())))


def _json(value: object) -> str:
    return "_JSON " + json.dumps(value)


def writer(array: np.ndarray) -> Callable[[object], str]:
    """How an entry of a column is written: exactly, and so that its type is found again.

    Raises:
        TypeError: when the column holds something else than numbers, truth values or text.
    """
    scalar = {"b": lambda v: "T" if v else "F", "U": text_value}.get(array.dtype.kind)
    if scalar is None and array.dtype.kind in "iuf":
        scalar = repr
    vector = array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind != "U"
    if scalar is None or not (array.ndim == 1 or vector):
        raise TypeError(f"{array.dtype} of shape {array.shape}")
    return (lambda row: " ".join(map(scalar, row))) if vector else scalar
