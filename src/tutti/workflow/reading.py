"""Strict reading of configuration files: each mistake with its file, line and column."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tutti.core.files import NotAFileError, regular
from tutti.core.registry import ConfigError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LARGEST, DEEPEST, MOST_NODES = 10**7, 50, 10**6
"""Bytes of a file, levels of nesting, and values when each alias stands for what it names."""


def read(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file; an empty file is an empty one.

    Raises:
        ConfigError: when the file cannot be read, is no UTF-8 or no YAML, or holds anything but a mapping;
            when a key stands twice in a mapping, of which YAML would take the last; or when it is larger,
            nests deeper or grows more by its aliases than any configuration does.
    """
    text = _text(path)
    loader = LOADER(text)
    try:
        _refuse_depth(text, path)
        node = loader.get_single_node()
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError("holds no mapping of keys to values", _place(path, node.start_mark))
        _refuse_duplicates(node, path, set())
        _expanded(node, path, {})
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        context = f"{error.context}: " if error.context else ""
        raise ConfigError(f"no YAML: {context}{error.problem}", _place(path, mark)) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"no YAML: {error}", str(path)) from None
    finally:
        loader.dispose()


def typed(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """What `--config` gives, with numbers, truth values and null; Snakemake gives what is nested as text."""
    return {key: _typed(value) if not isinstance(value, str) else value for key, value in overrides.items()}


def _typed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if not isinstance(value, str):
        return value
    try:
        found = yaml.load(value, LOADER)
    except yaml.YAMLError:
        return value
    return found if found is None or isinstance(found, int | float) else value


def _text(path: str | Path) -> str:
    try:
        if (size := regular(path).st_size) > LARGEST:
            problem = f"{size / 1e6:.0f} MB, a configuration has at most {LARGEST / 1e6:.0f} MB"
            raise ConfigError(problem, str(path))
        content = Path(path).read_bytes()
        return content.decode("utf-8")
    except NotAFileError as error:
        raise ConfigError(f"cannot be read: {error}") from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", str(path)) from None
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise ConfigError(f"no UTF-8: byte 0x{content[error.start]:02x}", f"{path}:{line}:{column}") from None


def _place(path: str | Path, mark: yaml.Mark | None) -> str:
    return str(path) if mark is None else f"{path}:{mark.line + 1}:{mark.column + 1}"


def _refuse_depth(text: str, path: str | Path) -> None:
    """Refuse what nests so deeply that building it would end Python itself."""
    depth = 0
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise ConfigError(f"nests more than {DEEPEST} levels deep", _place(path, event.start_mark))


def _expanded(node: yaml.Node, path: str | Path, known: dict[int, int]) -> int:
    """How many values a node is when each alias stands for what it names.

    Raises:
        ConfigError: when they are more than `MOST_NODES`, or it holds itself.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = MOST_NODES + 1  # of a node inside itself
        pairs = node.value if isinstance(node, yaml.MappingNode) else [(each,) for each in node.value]
        known[id(node)] = 1 + sum(_expanded(each, path, known) for pair in pairs for each in pair)
    if known[id(node)] > MOST_NODES:
        problem = f"its aliases make more than {MOST_NODES:,} values of it, or it holds itself"
        raise ConfigError(problem, _place(path, node.start_mark))
    return known[id(node)]


def _refuse_duplicates(node: yaml.Node, path: str | Path, seen: set[int]) -> None:
    # Aliases are the same node again.
    if id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(item, path, seen)
        return
    places: dict[tuple[str, str], yaml.Mark] = {}
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            name, place = (key.tag, key.value), key.start_mark
            if name in places:
                lines = f"{places[name].line + 1} and {place.line + 1}"
                raise ConfigError(
                    f"the key '{key.value}' stands twice, in lines {lines}", _place(path, place)
                )
            places[name] = place
        _refuse_duplicates(value, path, seen)
