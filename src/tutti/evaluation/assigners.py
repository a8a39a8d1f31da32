"""Which bond assigners judge: those that are named, or those of the published tables that are installed."""

from collections.abc import Sequence

from tutti.chemistry.bonds.assignment import PUBLISHED
from tutti.core import extras, registry
from tutti.core.registry import ConfigError, closest


def installed() -> tuple[str, ...]:
    """Those of `PUBLISHED` whose libraries are there."""
    return tuple(name for name in PUBLISHED if not missing(name))


def missing(name: str) -> list[str]:
    """The libraries (see `tutti.core.extras`) that an assigner needs and that are not installed."""
    return extras.missing(f"{registry.PACKAGES['bonds']}.{name}")


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
        for library in missing(name):
            raise ModuleNotFoundError(f"--assigners: '{name}': {extras.advice(library)}")
