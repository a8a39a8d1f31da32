"""Libraries that come with extras of the package only: whether they are there, and how to get them."""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

EXTRAS = {"openbabel": "openbabel", "tblite": "xtb"}
"""Extra of `pyproject.toml` by the module that it brings."""
NAMES = {"openbabel": "Open Babel", "tblite": "tblite"}
"""What people call the library."""

PACKAGES = {"mace": "mace-torch", "fairchem": "fairchem-core", "orb_models": "orb-models"}
"""Package that brings a module of another code, where it is called otherwise."""


def is_installed(library: str) -> bool:
    """Whether a module of `EXTRAS` can be imported; it is not imported."""
    return find_spec(library) is not None


def missing(module: str) -> list[str]:
    """Those of `EXTRAS` that a module imports and that are not installed; it is parsed, not imported.

    Args:
        module: name below `tutti`.
    """
    return [library for library in _imported(f"tutti.{module}") if not is_installed(library)]


def advice(library: str) -> str:
    """How to get it: `Open Babel is not installed: pip install 'tutti[openbabel]'`."""
    return f"{NAMES[library]} is not installed: pip install 'tutti[{EXTRAS[library]}]'"


@cache
def _imported(module: str) -> list[str]:
    nodes = list(ast.walk(ast.parse(Path(find_spec(module).origin).read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return [library for library in EXTRAS if library in {name.partition(".")[0] for name in names}]
