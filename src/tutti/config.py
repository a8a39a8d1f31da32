"""Checks of the configuration before any job runs: each mistake with its file, its key and what is right."""

import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import yaml

from tutti import registry, suite, sweeps
from tutti.keys import KEYS
from tutti.registry import ConfigError, closest, from_dict

FILES = ("config/datasets.yaml", "config/models.yaml", "config/config.yaml")
SCHEMAS = Path("workflow/schemas")
PACKAGES = {"generator": "generators", "forcefield": "forcefields"}


def load(files: Iterable[str | Path]) -> dict[str, Any]:
    """Merge YAML files: later ones win, mappings are merged key by key, lists are replaced."""
    merged: dict[str, Any] = {}
    for path in files:
        _update(merged, _read(path))
    return merged


def dataset_settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the `Config` of a dataset's kind: all of its entry but `kind` and `split`."""
    return {key: value for key, value in entry.items() if key not in ("kind", "split")}


def check(
    config: Mapping[str, Any], files: Sequence[str | Path], schemas: Path = SCHEMAS, modules: bool = True
) -> None:
    """Check a merged configuration against the schemas, the catalogues and the dataclasses of the modules.

    Args:
        config: the merged configuration.
        files: the files it was merged from, in that order; only to name the file of a mistake.
        schemas: folder of `{config,dataset,model}.schema.yaml`.
        modules: also check the catalogues' settings against the modules' dataclasses, which imports them.

    Raises:
        ConfigError: with one line per mistake.
    """
    errors = (
        list(_schema_errors(config, schemas))
        or list(_unknown_choices(config))
        or list(_impossible_choices(config))
    )
    if not errors and modules:
        errors = list(_catalogue_errors(config))
    if errors:
        lines = [f"{_origin(error.where, config, files)}: {error}" for error in errors]
        raise ConfigError("\n".join(lines))


def _read(path: str | Path) -> dict[str, Any]:
    return yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}


def _update(target: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _update(target[key], value)
        else:
            target[key] = value


def _schema_errors(config: Mapping[str, Any], schemas: Path) -> Iterator[ConfigError]:
    errors = list(_validate(config, schemas / "config.schema.yaml", ""))
    yield from errors
    if not errors:
        for section in ("datasets", "models"):
            for name, entry in config[section].items():
                yield from _validate(entry, schemas / f"{section[:-1]}.schema.yaml", f"{section}.{name}")


def _validate(instance: Any, schema: Path, where: str) -> Iterator[ConfigError]:
    for error in jsonschema.Draft202012Validator(_read(schema)).iter_errors(instance):
        path = ".".join([*([where] if where else []), *map(str, error.path)])
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            for key in sorted(set(error.instance) - set(known)):
                yield ConfigError(f"unknown key {closest(key, known)}", f"{path}.{key}".lstrip("."))
        elif error.validator == "enum":
            yield ConfigError(f"unknown value {closest(error.instance, error.validator_value)}", path)
        else:
            yield ConfigError(error.message, path)


def _unknown_choices(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    kinds = ("generator", "external")
    generators = [name for name, entry in config["models"].items() if entry["kind"] in kinds]
    yield from _unknown_names(config["generation"]["datasets"], config["datasets"], "generation.datasets")
    yield from _unknown_names(config["generation"]["models"], generators, "generation.models")
    trainable = [name for name in generators if config["models"][name]["kind"] == "generator"]
    for name, sweep in config["generation"]["sweeps"].items():
        yield from _unknown_names([sweep["model"]], trainable, f"generation.sweeps.{name}.model")
    forcefields = [name for name, entry in config["models"].items() if entry["kind"] == "forcefield"]
    for i, run in enumerate(config["forcefields"]["runs"]):
        where = f"forcefields.runs[{i}]"
        yield from _unknown_names([run["dataset"]], config["datasets"], f"{where}.dataset")
        yield from _unknown_names(run["models"], forcefields, f"{where}.models")
        yield from _unknown_names(run.get("targets", []), KEYS, f"{where}.targets")
    moving = config["forcefields"]["dynamics"]
    yield from _unknown_names(moving, config["datasets"], "forcefields.dynamics")
    for name, entry in config["models"].items():
        start = entry.get("pretrained", {})
        where = f"models.{name}.pretrained"
        yield from _unknown_names(
            filter(None, [start.get("dataset")]), config["datasets"], f"{where}.dataset"
        )
        yield from _unknown_names(filter(None, [start.get("model")]), forcefields, f"{where}.model")
    yield from _unknown_names(config["bonds"]["assigners"], registry.names("bonds"), "bonds.assigners")


def _impossible_choices(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    """Choices that are known but cannot be made as the rest of the configuration stands."""
    for table in config["evaluation"]["tables"]:
        if table in suite.FAMILIES:
            lack = suite.lacks(table, config["bonds"]["assigners"], reference=True)
            if lack:
                yield ConfigError(f"'{table}' needs {lack} in bonds.assigners", "evaluation.tables")
    yield from _empty_test_splits(config)
    try:
        sweeps.expand(config)
    except ConfigError as error:
        yield error
    for name in config["generation"]["models"]:
        path = config["models"][name].get("path")
        if path is not None and not Path(path).exists():
            yield ConfigError(f"no such file or folder: {path}", f"models.{name}.path")


def _empty_test_splits(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    """A dataset without a test split has no molecules for most controls."""
    evaluation = config["evaluation"]
    parts = suite.SPLITS | suite.ADVERSARIES
    needy = {name for name in evaluation["controls"] if parts[name] == "test"}
    needy |= {"completion", "strain"} & set(evaluation["tables"])
    for name in config["generation"]["datasets"]:
        if config["datasets"][name]["split"].get("test") == 0 and needy:
            found = ", ".join(sorted(needy))
            problem = f"the test split is empty, but evaluation asks for {found}, which are made of it"
            yield ConfigError(problem, f"datasets.{name}.split.test")


def _catalogue_errors(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    from tutti.dynamics.study import DynamicsConfig

    for name, settings in config["forcefields"]["dynamics"].items():
        yield from _misfit(DynamicsConfig, settings, f"forcefields.dynamics.{name}")
    for name, entry in config["datasets"].items():
        yield from _dataset_errors(f"datasets.{name}", entry)
    for name, entry in config["models"].items():
        yield from _model_errors(f"models.{name}", entry)
    for name in config["generation"]["sweeps"]:
        yield from _sweep_errors(config, name)


def _unknown_names(chosen: Iterable[str], known: Iterable[str], where: str) -> Iterator[ConfigError]:
    known = list(known)
    for name in chosen:
        if name not in known:
            yield ConfigError(f"unknown name {closest(name, known)}", where)


def _dataset_errors(where: str, entry: Mapping[str, Any]) -> Iterator[ConfigError]:
    from tutti.datasets.splits import SplitConfig

    plugin = yield from _plugin("datasets", entry["kind"], f"{where}.kind")
    if plugin is not None:
        yield from _misfit(plugin.Config, dataset_settings(entry), where)
    yield from _misfit(SplitConfig, entry["split"], f"{where}.split")


def _model_errors(where: str, entry: Mapping[str, Any]) -> Iterator[ConfigError]:
    from tutti.training_config import TrainingConfig

    if entry["kind"] == "external":
        return
    plugin = yield from _plugin(PACKAGES[entry["kind"]], entry["module"], f"{where}.module")
    if plugin is not None:
        yield from _misfit(plugin.Config, entry["config"], f"{where}.config")
    if plugin is not None and entry["kind"] == "generator":
        settings = {key: value for key, value in entry["sampling"].items() if key != "batch_size"}
        yield from _misfit(plugin.Sampling, settings, f"{where}.sampling")
    yield from _misfit(TrainingConfig, entry["training"], f"{where}.training")


def _sweep_errors(config: Mapping[str, Any], name: str) -> Iterator[ConfigError]:
    """What is wrong with the first member of a sweep that is wrong; others often have the same mistake."""
    for member in sweeps.members(config, name):
        errors = list(_model_errors(f"generation.sweeps.{name}", member.entry))
        if errors:
            yield from errors
            return


def _plugin(kind: str, name: str, where: str) -> Generator[ConfigError, None, ModuleType | None]:
    try:
        return registry.module(kind, name)
    except ConfigError as error:
        yield ConfigError(error.problem, where)
    except ImportError as error:
        yield ConfigError(f"tutti.{kind}.{name} cannot be imported: {error}", where)
    return None


def _misfit(cls: type, mapping: Mapping[str, Any], where: str) -> Iterator[ConfigError]:
    try:
        from_dict(cls, mapping, where)
    except ConfigError as error:
        yield error


def _origin(where: str, config: Mapping[str, Any], files: Sequence[str | Path]) -> str:
    """The file that a key comes from: the last of those that hold the longest part of its path."""
    keys = [key.partition("[")[0] for key in where.split(".")] if where else []
    found = [_descend(keys, _read(path)) for path in files]
    deepest = max(range(len(files)), key=lambda i: (found[i][0], i))
    depth, value = _descend(keys, config)
    overridden = not isinstance(value, Mapping) and found[deepest][1] != value
    if found[deepest][0] < depth or overridden:
        return "command line (--config)"
    return str(files[deepest])


def _descend(keys: Sequence[str], value: Any) -> tuple[int, Any]:
    """How many of `keys`, one inside the other, a nested mapping has, and the value at the last of them."""
    for depth, key in enumerate(keys):
        if not isinstance(value, Mapping) or key not in value:
            return depth, value
        value = value[key]
    return len(keys), value


def main(files: Sequence[str]) -> None:
    """Check the default configuration and each of `files` on top of it; exit status 1 when one is wrong."""
    failed = False
    for study in ([], *([name] for name in files if name not in FILES)):
        sources = [*FILES, *study]
        try:
            check(load(sources), sources)
        except ConfigError as error:
            failed = True
            print(error, file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])
