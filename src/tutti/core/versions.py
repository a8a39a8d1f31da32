"""Versions of installed packages."""

import importlib.metadata
from collections.abc import Iterable


def own() -> str:
    """Version of this package; `unknown` where its code runs without being installed."""
    return installed(["tutti"]).get("tutti", "unknown")


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Version by name of those packages that are installed, in the order given."""
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # an extra that is not installed
            continue
    return found
