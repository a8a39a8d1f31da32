"""Values of one name in many structures, turned into arrays."""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

BOOLEANS = {"T": True, "F": False, "true": True, "false": False}
BOOLEANS |= {"True": True, "False": False, "TRUE": True, "FALSE": False}

# Digits after a leading zero (`0001`) are a name, not a number.
_INTEGER = re.compile(r"[+-]?(0|[1-9]\d*)", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?((0|[1-9]\d*)|(\d+\.\d*|\.\d+)([eEdD][+-]?\d+)?|\d+[eEdD][+-]?\d+|inf|nan)", re.ASCII | re.I
)


class Untyped(str):
    """A value out of a text file that does not say whether it is a number, a truth value or text."""

    __slots__ = ()


def columns(records: Sequence[Mapping[str, object]]) -> dict[str, np.ndarray]:
    """Arrays by name of the values that all records have with one type; other names are left out."""
    names = [name for name in (records[0] if records else ()) if all(name in record for record in records)]
    arrays = {name: _column([record[name] for record in records]) for name in names}
    return {name: array for name, array in arrays.items() if array is not None}


def _column(values: Sequence[object]) -> np.ndarray | None:
    """[N] or [N, k] array of N values of one type; None when their types or shapes differ.

    Untyped values become integers, floats, truth values or vectors of these when every one of them can be
    read as such, and text otherwise.
    """
    if all(isinstance(value, Untyped) for value in values):
        return _from_text(values)
    if all(isinstance(value, str) for value in values):
        return np.array(values, dtype=str)
    arrays = [np.asarray(value) for value in values if not isinstance(value, str)]
    kinds = {array.dtype.kind for array in arrays}
    if len(arrays) < len(values) or len({array.shape for array in arrays}) > 1:
        return None
    if kinds == {"b"} or (kinds and kinds <= set("iuf")):
        return np.array(arrays)
    return None


def is_text(value: str) -> bool:
    """Whether `value`, written without its type, would be read as text."""
    return bool(value) and not value.startswith("_JSON") and _from_text([value]).dtype.kind == "U"


def _from_text(values: Sequence[str]) -> np.ndarray:
    flat = _parse(values)
    if flat is not None:
        return flat
    if re.search(r"[\s,]", values[0]):
        rows = [re.split(r"[\s,]+", re.sub(r"^[\[{]\s*|\s*[\]}]$", "", value.strip())) for value in values]
        if len({len(row) for row in rows}) == 1:
            vectors = _parse([token for row in rows for token in row])
            if vectors is not None:
                return vectors.reshape(len(values), -1)
    return np.array(values, dtype=str)


def _parse(tokens: Sequence[str]) -> np.ndarray | None:
    """Tokens as truth values, integers or floats: the first of these that all of them are."""
    if all(token in BOOLEANS for token in tokens):
        return np.array([BOOLEANS[token] for token in tokens])
    readers: tuple[tuple[re.Pattern, Callable, type], ...] = (
        (_INTEGER, int, np.int64),
        (_FLOAT, lambda token: float(token.replace("D", "E").replace("d", "e")), float),
    )
    for pattern, convert, dtype in readers:
        if all(pattern.fullmatch(token) for token in tokens):
            try:
                return np.array([convert(token) for token in tokens], dtype=dtype)
            except (OverflowError, ValueError):  # an integer of more than 64 bits or 4,300 digits is a name
                return None
    return None
