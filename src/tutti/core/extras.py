"""Libraries that come with extras of the package only: whether they are there, and how to get them."""

from importlib.util import find_spec

EXTRAS = {"openbabel": "openbabel", "tblite": "xtb"}
"""Extra of `pyproject.toml` by the module that it brings."""
NAMES = {"openbabel": "Open Babel", "tblite": "tblite"}
"""What people call the library."""


def is_installed(library: str) -> bool:
    """Whether a module of `EXTRAS` can be imported; it is not imported."""
    return find_spec(library) is not None


def advice(library: str) -> str:
    """How to get it: `Open Babel is not installed: pip install 'tutti[openbabel]'`."""
    return f"{NAMES[library]} is not installed: pip install 'tutti[{EXTRAS[library]}]'"
