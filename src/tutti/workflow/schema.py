"""The shape of a configuration, by the schemas of the workflow: which keys there are, and what they hold."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from tutti.core.registry import ConfigError, closest
from tutti.workflow.reading import read


def mistakes(config: Mapping[str, Any], schemas: Path) -> Iterator[ConfigError]:
    """Keys that are unknown or missing, and values of the wrong form.

    The catalogues' entries are looked at when all else is right.

    Args:
        config: the merged configuration.
        schemas: folder of `{config,dataset,model}.schema.yaml`.
    """
    errors = list(_validate(config, schemas / "config.schema.yaml", ""))
    yield from errors
    if not errors:
        for section in ("datasets", "models"):
            for name, entry in config[section].items():
                yield from _validate(entry, schemas / f"{section[:-1]}.schema.yaml", f"{section}.{name}")


@cache
def _validator(schema: Path) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(read(schema))


def _validate(instance: Any, schema: Path, where: str) -> Iterator[ConfigError]:
    for error in _validator(schema).iter_errors(instance):
        path = ".".join([*([where] if where else []), *map(str, error.path)])
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            for key in sorted(set(error.instance) - set(known), key=str):
                yield ConfigError(f"unknown key {closest(key, known)}", f"{path}.{key}".lstrip("."))
        elif error.validator == "enum":
            yield ConfigError(f"unknown value {closest(error.instance, error.validator_value)}", path)
        elif error.validator == "pattern" and "description" in error.schema:
            yield ConfigError(
                f"{error.instance!r:.90} is no name: expected {error.schema['description']}", path
            )
        else:
            yield ConfigError(error.message, path)
