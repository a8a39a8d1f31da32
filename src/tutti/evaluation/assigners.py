"""Which bond assigners judge: those that are named, or those of the published tables that are installed."""

from collections.abc import Sequence

from tutti.chemistry.bonds.assignment import PUBLISHED
from tutti.core import extras, registry
from tutti.core.registry import ConfigError, closest


def installed() -> tuple[str, ...]:
    """Those of `PUBLISHED` whose libraries are there."""
    lacking = not_installed()
    return tuple(name for name in PUBLISHED if name not in lacking)


def not_installed() -> dict[str, str]:
    """The library that is missing (see `tutti.core.extras`), by the assigner of `PUBLISHED` that needs it."""
    return {name: library for name in PUBLISHED if (library := _missing(name))}


def check_assigners(names: Sequence[str]) -> None:
    """Refuse names of assigners that cannot judge.

    Raises:
        ConfigError: when there are none, or one is unknown.
        ModuleNotFoundError: when the library of one is not installed.
    """
    known = registry.names("bonds")
    if not names:
        raise ConfigError(f"name at least one of {', '.join(known)}", "--assigners")
    for name in names:
        if name not in known:
            raise ConfigError(f"unknown assigner {closest(name, known)}", "--assigners")
        if library := _missing(name):
            raise ModuleNotFoundError(f"--assigners: '{name}': {extras.advice(library)}")


def _missing(name: str) -> str:
    """The library of an assigner that is not installed, or empty."""
    needed = registry.libraries("bonds", name)
    return next((library for library in needed if not extras.is_installed(library)), "")
