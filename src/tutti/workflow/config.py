"""Configurations, merged and checked before any job runs: each mistake with its file, key and remedy."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tutti.benchmark import tables
from tutti.core.files import write_text
from tutti.core.registry import ConfigError
from tutti.core.sources import PACKAGE, fingerprint
from tutti.workflow import given, names, requests, schema
from tutti.workflow.reading import read, typed

FILES = ("config/datasets.yaml", "config/models.yaml", "config/config.yaml")
SCHEMAS = Path("workflow/schemas")
COMMAND_LINE = "command line (--config)"


def load(files: Iterable[str | Path], overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Merge YAML files and then `overrides`, those of the command line: later ones win.

    Mappings are merged key by key, lists are replaced. No two places share an object, though YAML's aliases
    do. A `report.title` that is missing is made of the run's name.

    Raises:
        ConfigError: see `tutti.workflow.reading.read`.
    """
    merged: dict[str, Any] = {}
    for changes in (*map(read, files), typed(overrides or {})):
        _update(merged, changes)
    if isinstance(merged.get("report"), dict):
        merged["report"].setdefault("title", str(merged.get("run")))
    return merged


def check(
    config: Mapping[str, Any],
    files: Sequence[str | Path],
    schemas: Path = SCHEMAS,
    modules: bool = True,
    remember: Path | None = None,
) -> None:
    """Check a merged configuration against the schemas, the declarations, the catalogues and the modules.

    What nothing in the run gives is a mistake, unless only the first files, the defaults, ask for it.

    Args:
        config: the merged configuration.
        files: the files it was merged from, in that order; the first, as many as `FILES`, hold the defaults.
        schemas: folder of `{config,dataset,model}.schema.yaml`.
        modules: also check what can only be known by importing the modules of the catalogues.
        remember: folder for a file that says that this went well, so that it is not done again for the same
            configuration, code, Python and local files.

    Raises:
        ConfigError: with one line per mistake.
    """
    errors = list(schema.mistakes(config, schemas)) or list(given.mistakes(config))
    if not errors:
        filled = given.filled(config)
        errors = list(names.unknown(filled)) or [
            error for error in requests.impossible(filled) if not _is_default(error, config, files)
        ]
    if not errors and modules:
        errors = _of_modules(filled, remember)
    if errors:
        lines = [f"{_origin(error.where, config, files)}: {error}" for error in errors]
        raise ConfigError("\n".join(lines))


def _update(target: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _update(target[key], value)
        else:
            target[key] = _own(value)


def _own(value: Any) -> Any:
    """A copy without shared parts, which `copy.deepcopy` would keep."""
    if isinstance(value, Mapping):
        return {key: _own(item) for key, item in value.items()}
    return [_own(item) for item in value] if isinstance(value, list | tuple) else value


def _of_modules(config: Mapping[str, Any], remember: Path | None) -> list[ConfigError]:
    done = None if remember is None else remember / _digest(config)
    if done is not None and done.exists():
        return []
    # Imports torch and all modules of the catalogues: seconds.
    from tutti.workflow import catalogue

    errors = list(catalogue.mistakes(config))
    if done is not None and not errors:
        write_text(done, "")
    return errors


def _digest(config: Mapping[str, Any]) -> str:
    """SHA-256 of all that decides the checks of modules."""
    local = {where: path.stat() for where, path in requests.local_files(config).items()}
    stamps = {where: (stat.st_size, stat.st_mtime_ns) for where, stat in local.items()}
    code = [*sorted(PACKAGE.rglob("*.py")), tables.FILE]
    return fingerprint(code, [repr(config), stamps, platform.python_version()])


def _is_default(error: ConfigError, config: Mapping[str, Any], files: Sequence[str | Path]) -> bool:
    defaults = map(str, files[: len(FILES)])
    return isinstance(error, requests.UnmetError) and _origin(error.where, config, files) in defaults


def _origin(where: str, config: Mapping[str, Any], files: Sequence[str | Path]) -> str:
    """The file that a key comes from: the last of those that hold the longest part of its path."""
    keys = [key.partition("[")[0] for key in where.split(".")] if where else []
    found = [_descend(keys, read(path)) for path in files]
    deepest = max(range(len(files)), key=lambda i: (found[i][0], i))
    depth, value = _descend(keys, config)
    overridden = not isinstance(value, Mapping) and found[deepest][1] != value
    if found[deepest][0] < depth or overridden:
        return COMMAND_LINE
    return str(files[deepest])


def _descend(keys: Sequence[str], value: Any) -> tuple[int, Any]:
    """How many of `keys`, one inside the other, a nested mapping has, and the value at the last of them."""
    for depth, key in enumerate(keys):
        if not isinstance(value, Mapping) or key not in value:
            return depth, value
        value = value[key]
    return len(keys), value
