"""Which files of the package a script or a module needs: the input of jobs, so that edits rerun them."""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tutti.core import records

PACKAGE = Path(__file__).parents[1]


def sources(*modules: str, script: Path | None = None) -> list[Path]:
    """Files of `modules` (names below `tutti`) and of all they import from the package, directly or not.

    Imports inside functions count. Modules that are only imported by a name made at run time do not: name
    them too.

    Args:
        modules: to begin with.
        script: a file outside the package whose imports are followed too; it is the first of the files.

    Raises:
        ModuleNotFoundError: when one of `modules` is not in the package.
    """
    for name in modules:
        if _file(PACKAGE, f"tutti.{name}") is None:
            raise ModuleNotFoundError(f"tutti.{name}: no such file in {PACKAGE}")
    found: dict[str, Path] = {}
    waiting = [f"tutti.{name}" for name in modules]
    if script is not None:
        waiting += _imports("", script)
    while waiting:
        name = waiting.pop()
        path = _file(PACKAGE, name)
        if name not in found and path is not None:
            found[name] = path
            waiting += _imports(name, path)
    return [*([script] if script else []), *sorted(found.values())]


def fingerprint(files: Iterable[str | Path], parameters: Any) -> str:
    """SHA-256 of the files' contents and of the parameters (as JSON)."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for path in files:
        digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return digest.hexdigest()


def drop_stale(path: Path, digest: str) -> None:
    """Delete `path`, an intermediate to resume from, unless it belongs to a job with this fingerprint.

    The fingerprint is kept beside it as `<name>.fingerprint`.

    Raises:
        DamagedFile: when the fingerprint is damaged.
    """
    record = path.with_name(f"{path.name}.fingerprint")
    if not record.exists() or records.read(record, "delete it to start anew") != {"sha256": digest}:
        path.unlink(missing_ok=True)
        records.write(record, {"sha256": digest})


@cache
def _file(package: Path, name: str) -> Path | None:
    base = package.joinpath(*name.split(".")[1:])
    candidates = (base / "__init__.py", base.with_suffix(".py"))
    return next((path for path in candidates if path.is_file()), None)


@cache
def _imports(name: str, path: Path) -> list[str]:
    """Names that may be modules of the package: parents, imported modules and imported attributes."""
    names = [name.rpartition(".")[0]]
    package = name if path.name == "__init__.py" else names[0]
    for node in _statements(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        names += _imported(node, package)
    return [other for other in names if other.split(".")[0] == "tutti"]


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements, inner ones too. Imports are never in expressions, which are most of a tree."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, field, ())


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*parents, *([node.module] if node.module else [])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
