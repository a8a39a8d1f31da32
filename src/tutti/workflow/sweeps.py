"""Sweeps: one model of the catalogue with some of its settings changed, in every combination.

In a configuration

    generation:
      sweeps:
        temperatures:
          model: symphony_demo
          axes:
            focus: {sampling.focus_temperature: [0.5, 1.0]}
            position: {sampling.position_temperature: [0.4, 0.7, 1.0]}

stands for six models `temperatures_0.5_0.4`, ..., which share one training, because only settings of sampling
differ. An axis may change several settings together, by lists of the same length.
"""

import copy
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tutti.core.registry import ConfigError
from tutti.workflow import given

LONGEST = 100
"""Characters of the name of a model, of which files of several are named."""
SAMPLING = "sampling"
PARTS = ("config", "training", SAMPLING)
"""What an axis may change of a model's entry."""


@dataclass(frozen=True)
class Member:
    """One combination of a sweep.

    Attributes:
        name: of the model.
        values: the value on each axis, as text, by the axis's name.
        trained_as: the model whose weights it is sampled with; itself, unless settings of sampling are swept.
        trains: whether the sweep has trainings of its own.
        entry: of the catalogue.
    """

    name: str
    values: dict[str, str]
    trained_as: str
    trains: bool
    entry: dict[str, Any]


@dataclass(frozen=True)
class _Point:
    """One value on an axis: its label, and what it changes."""

    label: str
    changes: dict[str, Any]

    @property
    def trains(self) -> bool:
        """Whether it changes more than how the model is sampled."""
        return any(map(_trains, self.changes))


def expand(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the members of its sweeps among its models.

    They follow the other models of `generation.models`. The key `trained_as` of an entry names the model
    whose weights it is sampled with.

    Raises:
        ConfigError: for an axis that makes no sense, or a name that is already taken or too long.
    """
    expanded = copy.deepcopy(dict(config))
    models = expanded["models"]
    for name in config["generation"]["sweeps"]:
        for member in members(config, name):
            new_name(member.name, config["models"], f"generation.sweeps.{name}")
            models.setdefault(member.trained_as, member.entry)
            models[member.name] = member.entry | {"trained_as": member.trained_as}
            expanded["generation"]["models"].append(member.name)
    return expanded


def new_name(name: str, models: Mapping[str, Any], where: str) -> str:
    """The name, if another one of `models` may bear it.

    Raises:
        ConfigError: when it is taken, or too long.
    """
    if name in models:
        raise ConfigError(f"'{name}' is a model already", where)
    if len(name) > LONGEST:
        raise ConfigError(f"'{name}' has {len(name)} characters, at most {LONGEST} fit into files", where)
    return name


def members(config: Mapping[str, Any], name: str) -> list[Member]:
    """All combinations of the sweep `name`, the last axis changing fastest.

    Raises:
        ConfigError: for an axis that makes no sense.
    """
    sweep = config["generation"]["sweeps"][name]
    base = config["models"][sweep["model"]]
    axes = [
        _axis(changes, f"generation.sweeps.{name}.axes.{axis}") for axis, changes in sweep["axes"].items()
    ]
    if given.is_given(base) and (
        trained := [key for axis in sweep["axes"].values() for key in axis if _trains(key)]
    ):
        problem = f"'{sweep['model']}' has weights, which settle '{trained[0]}': sweep settings of {SAMPLING}"
        raise ConfigError(problem, f"generation.sweeps.{name}.axes")
    found = []
    for points in itertools.product(*axes):
        trained = [point.label for point in points if point.trains]
        entry = copy.deepcopy(base) | {"published": "_".join([name, *(point.label for point in points)])}
        for key, value in itertools.chain.from_iterable(point.changes.items() for point in points):
            _set(entry, key.split("."), value)
        found.append(
            Member(
                name=entry["published"],  # a name that no paper has: these are not the papers' models
                values=dict(zip(sweep["axes"], (point.label for point in points), strict=True)),
                trained_as="_".join([name, *trained]) if trained else sweep["model"],
                trains=bool(trained),
                entry=entry,
            )
        )
    return found


def _trains(key: str) -> bool:
    return not key.startswith(f"{SAMPLING}.")


def _axis(changes: Mapping[str, list], where: str) -> list[_Point]:
    for key in changes:
        if key.partition(".")[0] not in PARTS:
            raise ConfigError(f"a sweep changes settings of {', '.join(PARTS)}, not '{key}'", where)
    if len({len(values) for values in changes.values()}) != 1:
        raise ConfigError("the lists of an axis must have the same length", where)
    points = []
    for values in zip(*changes.values(), strict=True):
        label = "x".join(map(str, values))
        if not re.fullmatch(r"[A-Za-z0-9.-]+", label):
            raise ConfigError(f"'{label}' cannot be part of a model's name", where)
        points.append(_Point(label, dict(zip(changes, values, strict=True))))
    if len({point.label for point in points}) < len(points):
        raise ConfigError("a value stands twice on an axis", where)
    return points


def _set(entry: dict[str, Any], path: list[str], value: Any) -> None:
    """Change one setting inside nested mappings, which are made where they are missing."""
    for key in path[:-1]:
        entry = entry.setdefault(key, {})
    entry[path[-1]] = value
