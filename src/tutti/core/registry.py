"""Discovery of plug-ins by file name, and strict conversion of configuration mappings to dataclasses.

A generator, force field, dataset kind or bond assigner is a file (or folder) in its package that exports the
names in `EXPORTS`. Nothing is registered anywhere, and nothing is imported before it is asked for.
"""

import ast
import dataclasses
import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

EXPORTS = {
    "generators": {"Config", "Sampling", "MODEL"},
    "forcefields": {"Config", "MODEL"},
    "datasets": {"Config", "make"},
    "bonds": {"assign"},
}
PACKAGES = {
    "generators": "models.generators",
    "forcefields": "models.forcefields",
    "datasets": "data",
    "bonds": "chemistry.bonds",
}
"""Where the plug-ins of each kind are, below `tutti`."""

ROOT = Path(__file__).parents[1]

T = TypeVar("T")


class ConfigError(ValueError):
    """Something is wrong in a configuration.

    Attributes:
        problem: what is wrong, and what to write instead.
        where: dotted path of the key in the configuration, or empty.
    """

    def __init__(self, problem: str, where: str = "") -> None:
        super().__init__(f"{where}: {problem}" if where else problem)
        self.problem = problem
        self.where = where


def names(kind: str) -> list[str]:
    """Sorted names of all plug-ins of a kind; their files are parsed but not imported.

    Raises:
        ConfigError: when `kind` is not one of `EXPORTS`.
    """
    return sorted(name for name, path in _files(kind).items() if EXPORTS[kind] <= _exports(path))


def exports(kind: str, name: str) -> frozenset[str]:
    """Names that the top level of a plug-in's file defines or imports; it is parsed, not imported.

    Raises:
        ConfigError: when there is none of that name; the message gives the closest one and all of them.
    """
    path = _files(kind).get(name)
    found = frozenset() if path is None else _exports(path)
    if not EXPORTS[kind] <= found:
        raise ConfigError(f"no {kind} module {closest(name, names(kind))}")
    return found


def module(kind: str, name: str) -> ModuleType:
    """Import the plug-in `name` of a kind.

    Raises:
        ConfigError: see `exports`.
    """
    exports(kind, name)
    return importlib.import_module(f"tutti.{PACKAGES[kind]}.{name}")


def closest(name: str, known: Iterable[str]) -> str:
    """The quoted name with the nearest known one and the list of all: the tail of an error message."""
    known = sorted(known)
    folded = {other.lower(): other for other in known}
    matches = difflib.get_close_matches(str(name).lower(), folded, n=1)
    hint = f"did you mean '{folded[matches[0]]}'? " if matches else ""
    return f"'{name}'; {hint}(known: {', '.join(known) or 'none'})"


def from_dict(cls: type[T], mapping: Mapping[str, Any], where: str) -> T:
    """Make a dataclass instance from a mapping read from YAML or JSON; lists become tuples.

    Understands int, float, bool, str, None, Path, Any, Literal, unions, tuples, dict[str, ...] and nested
    dataclasses. An int is taken where a float is asked for; nothing else is converted.

    Args:
        cls: the dataclass.
        mapping: field values; fields with a default may be left out.
        where: place of the mapping in the configuration, e.g. "models.symphony_demo.config".

    Raises:
        ConfigError: for an unknown or missing key, or a value of the wrong type. A
            ValueError of the dataclass's own checks is passed on as ConfigError too.
    """
    if not isinstance(mapping, Mapping):
        raise ConfigError(f"expected a mapping with keys of {cls.__name__}, got {mapping!r}", where)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    for key in mapping:
        if key not in fields:
            raise ConfigError(f"unknown key {closest(key, fields)}", f"{where}.{key}")
    required = [name for name, field in fields.items() if _is_required(field) and name not in mapping]
    if required:
        raise ConfigError(f"missing key(s) {', '.join(required)}", where)
    hints = get_type_hints(cls)
    values = {key: _convert(hints[key], value, f"{where}.{key}") for key, value in mapping.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise ConfigError(str(error), where) from error


def require_positive(settings: object, *names: str) -> None:
    """Refuse settings, attributes by name, that are not positive; None is no number and passes.

    Raises:
        ValueError: for the first one.
    """
    for name in names:
        value = getattr(settings, name)
        if value is not None and value <= 0:
            raise ValueError(f"{name} is {value}, must be positive")


def _files(kind: str) -> dict[str, Path]:
    """Files of all modules where the plug-ins of a kind are, by name.

    Raises:
        ConfigError: when `kind` is not one of `EXPORTS`.
    """
    if kind not in EXPORTS:
        raise ConfigError(f"unknown kind of plug-in {closest(kind, EXPORTS)}")
    folder = ROOT.joinpath(*PACKAGES[kind].split("."))
    found = pkgutil.iter_modules([str(folder)])
    return {
        info.name: folder / (f"{info.name}/__init__.py" if info.ispkg else f"{info.name}.py")
        for info in found
    }


@cache
def _exports(path: Path) -> frozenset[str]:
    """Names that a module's top level defines or imports."""
    exported: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                exported.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                exported |= {alias.asname or alias.name for alias in aliases}
            case ast.Assign(targets=targets):
                exported |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                exported.add(name)
    return frozenset(exported)


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _convert(hint: Any, value: Any, where: str) -> Any:
    """`value` as the annotated type `hint`, or ConfigError."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, UnionType):
        return _convert_union(arguments, value, where)
    if origin is Literal:
        return _convert_literal(arguments, value, where)
    if origin is tuple:
        return _convert_tuple(arguments, value, where)
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigError(f"expected a mapping, got {value!r}", where)
        return {key: _convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return value if isinstance(value, hint) else from_dict(hint, value, where)
    return _convert_scalar(hint, value, where)


def _convert_scalar(hint: type, value: Any, where: str) -> Any:
    if hint in (None, NoneType) and value is None:
        return None
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if isinstance(value, hint or NoneType) and not (hint is int and isinstance(value, bool)):
        return value
    raise ConfigError(f"expected {_label(hint)}, got {value!r}{_yaml_hint(hint, value)}", where)


def _label(hint: Any) -> str:
    if hint is NoneType:
        return "null"
    return hint.__name__ if isinstance(hint, type) else str(hint).removeprefix("typing.")


def _yaml_hint(hint: type, value: Any) -> str:
    if hint is not float or not isinstance(value, str):
        return ""
    try:
        float(value)
    except ValueError:
        return ""
    return " (YAML reads 1e-4 as text: write 1.0e-4)"


def _convert_union(members: tuple[Any, ...], value: Any, where: str) -> Any:
    # An exact type wins over a conversion, so that `1` stays an int for `int | float` in any order.
    exact = [member for member in members if isinstance(member, type) and type(value) is member]
    errors = []
    for member in exact or members:
        try:
            return _convert(member, value, where)
        except ConfigError as error:
            errors.append(error)
    structured = [m for m in members if dataclasses.is_dataclass(m) or get_origin(m) is not None]
    if len(structured) == 1 and isinstance(value, (Mapping, list, tuple)):
        raise errors[members.index(structured[0])]
    raise ConfigError(f"expected {' or '.join(map(_label, members))}, got {value!r}", where)


def _convert_literal(allowed: tuple[Any, ...], value: Any, where: str) -> Any:
    for choice in allowed:
        if type(choice) is type(value) and choice == value:
            return choice
    raise ConfigError(f"unknown value {closest(str(value), map(str, allowed))}", where)


def _convert_tuple(members: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"expected a list, got {value!r}", where)
    if len(members) == 2 and members[1] is Ellipsis:
        members = (members[0],) * len(value)
    if len(members) != len(value):
        raise ConfigError(f"expected a list of {len(members)}, got {len(value)}: {value!r}", where)
    pairs = zip(members, value, strict=True)
    return tuple(_convert(member, item, f"{where}[{i}]") for i, (member, item) in enumerate(pairs))
