"""Weights that an entry of the catalogue of models names instead of a training.

    symphony_shipped: {kind: generator, weights: symphony, resources: {...}}

What the model is, and how a generator is sampled, its folder says: the entry is filled in with that.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tutti.core import records, seals
from tutti.core.registry import ConfigError
from tutti.models import shipped

KEY = "weights"
IN_THE_FOLDER = ("module", "config", "training", "pretrained")
"""Keys of an entry that stand for what is settled where weights are given."""
REMEDY = "take the folder from where you had it"


def is_given(entry: Mapping[str, Any]) -> bool:
    """Whether an entry names weights instead of a training."""
    return KEY in entry


def origin(entry: Mapping[str, Any]) -> str:
    """Where its weights are from: the name of a model that ships, or the last part of the folder's path."""
    return Path(entry[KEY]).name


def files(entry: Mapping[str, Any]) -> list[Path]:
    """The files that are read of the folder."""
    folder = shipped.resolve(entry[KEY])
    record = [shipped.RECORD] if (folder / shipped.RECORD).is_file() else []
    return [folder / name for name in (shipped.WEIGHTS, shipped.CONFIG, *record)]


def used(config: Mapping[str, Any]) -> list[str]:
    """Models with weights among those that the run names; names that are unknown are left out."""
    generation, runs, models = config["generation"], config["forcefields"]["runs"], config["models"]
    named = [*generation["models"], *(sweep["model"] for sweep in generation["sweeps"].values())]
    named += [name for run in runs for name in run["models"]]
    starts = [models[name].get("pretrained") for name in named if name in models]
    named += [start["model"] for start in starts if isinstance(start, Mapping)]
    return [name for name in dict.fromkeys(named) if is_given(models.get(name, {}))]


def mistakes(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    """What is wrong with the weights that the run uses, and with the entries that name weights."""
    for name, entry in config["models"].items():
        for key in IN_THE_FOLDER:
            if is_given(entry) and key in entry:
                problem = f"'{name}' has {KEY}, whose folder says that: leave out '{key}', or '{KEY}'"
                yield ConfigError(problem, f"models.{name}.{key}")
    for name in used(config):
        try:
            _filled(name, config["models"][name])
        except ConfigError as error:
            yield error


def filled(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with entries of weights that the run uses as if they were trained, but `training`.

    Raises:
        ConfigError: for weights that are not there, damaged, or of another kind.
    """
    models = config["models"]
    return {**config, "models": {**models, **{name: _filled(name, models[name]) for name in used(config)}}}


def _filled(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    where = f"models.{name}"
    try:
        folder = shipped.resolve(entry[KEY])
        described = _described(folder, entry["kind"])
        record, (sampled, _) = shipped.record_of(folder) or {}, shipped.sampling_of(folder)
    except (OSError, ValueError) as error:
        raise ConfigError(str(error), f"{where}.{KEY}") from None
    found = {key: described[key] for key in ("module", "config")}
    if record.get("differs"):
        found["differs"] = record["differs"]
    if entry["kind"] == "generator":
        size = {key: value for key, value in sampled.items() if key == "batch_size"}
        sampling = {**sampled.get("sampling", {}), **size, **entry.get("sampling", {})}
        if "batch_size" not in sampling:
            problem = (
                f"nothing says how {folder} is sampled: give batch_size, and what differs from the module"
            )
            raise ConfigError(problem, f"{where}.sampling")
        return {**found, **entry, "sampling": sampling}
    return {**found, **entry}


def _described(folder: Path, kind: str) -> dict[str, Any]:
    """What config.json says of a model of that kind; without the libraries that models need.

    Raises:
        OSError, ValueError: for a folder that has no weights, is damaged, or holds something else.
    """
    for name in (shipped.CONFIG, shipped.WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder}: no folder of weights, it has no {name}")
    config = folder / shipped.CONFIG
    described = records.read(config, REMEDY, by_hand=True)
    if described.get("kind") == "calculator":
        remedy = "enter it as kind: calculator, with factory and arguments"
        raise ValueError(f"{folder}: the folder of a calculator of another code; {remedy}")
    if not isinstance(described.get("module"), str) or not isinstance(described.get("config"), dict):
        raise ValueError(f"{config}: not the config.json of a model")
    if described.get("kind") != f"{kind}s":
        raise ValueError(f"{folder}: its model is one of {described.get('kind')}, but the entry is a {kind}")
    seals.verify(folder / shipped.WEIGHTS, REMEDY, required=seals.is_sealed(config))
    return described
