"""What the sets share that may ship, compressed, in `embedded/`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar

import numpy as np

from tutti.core import npz
from tutti.core.files import atomic_path, sha256, short
from tutti.core.structures import Structures

EMBEDDED = Path(__file__).parent / "embedded"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Base of the configurations of such sets.

    Attributes:
        shipped: name of a file in `embedded/` to unpack instead of making the set.
        shipped_sha256: its hash.

    Raises:
        ValueError: when `shipped` comes without its hash.
    """

    KIND: ClassVar[str]
    shipped: str | None = None
    shipped_sha256: str | None = None

    def __post_init__(self) -> None:
        if self.shipped and not self.shipped_sha256:
            raise ValueError("'shipped' needs 'shipped_sha256', the SHA-256 of the file")

    def recipe(self) -> dict[str, object]:
        """All that decides what comes out, as JSON has it."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith("shipped")}
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return {"kind": self.KIND, **values}


def load(config: Recipe) -> Structures:
    """The set that ships with the package, if it was made with the same recipe.

    Raises:
        FileNotFoundError: when there is no file `config.shipped`.
        ValueError: when its hash or its recipe is not the configuration's.
    """
    path = EMBEDDED / config.shipped
    if not path.is_file():
        available = ", ".join(sorted(file.name for file in EMBEDDED.glob("*.npz")))
        raise FileNotFoundError(
            f"no file '{config.shipped}' ships with the package; there are: {available or 'none'}"
        )
    if (found := sha256(path)) != config.shipped_sha256:
        expected = short(config.shipped_sha256)
        raise ValueError(f"{path}: SHA-256 is {short(found)}, the configuration expects {expected}")
    structures = Structures.load(path)
    made_with, wanted = json.loads(structures.source), config.recipe()
    differing = [
        f"{key} {made_with.get(key)}, not {wanted[key]}"
        for key in wanted
        if made_with.get(key) != wanted[key]
    ]
    if differing:
        advice = "leave out 'shipped' to make the set"
        raise ValueError(f"{path} was made with {'; '.join(differing)}: {advice}")
    return structures


def ship(structures: Path, out: Path) -> None:
    """Compress a set that `make` wrote, contents unchanged, and print what a configuration needs."""
    arrays = npz.read(structures)
    with atomic_path(out) as temporary:
        np.savez_compressed(temporary, **arrays)
    print(f"shipped: {out.name}\nshipped_sha256: {sha256(out)}")


def versions(kind: str, libraries: Sequence[str]) -> dict[str, str]:
    """Versions of the libraries that a set of this kind is made with.

    Raises:
        RuntimeError: when one is not installed.
    """
    try:
        return {library: version(library) for library in libraries}
    except PackageNotFoundError as error:
        raise RuntimeError(
            f"a set of kind {kind} needs {error.name}: pip install 'tutti[xtb]', or take one that ships"
        ) from error
