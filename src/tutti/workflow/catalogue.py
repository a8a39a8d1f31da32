"""Checks of a configuration that import the modules it names."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from tutti.benchmark.forcefields.physics.settings import PhysicsConfig
from tutti.benchmark.forcefields.simulations import DynamicsConfig
from tutti.benchmark.interpretation.chemical_potential import probe_energies
from tutti.benchmark.interpretation.embedding import principal_components
from tutti.benchmark.interpretation.filters import radial_filters
from tutti.core import elements, registry
from tutti.core.registry import ConfigError, from_dict
from tutti.core.structures import Structures
from tutti.data.expected import is_periodic
from tutti.data.splits import SplitConfig
from tutti.models.base import create
from tutti.models.forcefields.base import ForceField
from tutti.models.forcefields.external import advice
from tutti.models.training.config import TrainingConfig
from tutti.workflow import snapshots, splitting, sweeps
from tutti.workflow.given import is_given
from tutti.workflow.plan.forcefields import ForceFieldPlan
from tutti.workflow.plan.layout import Layout
from tutti.workflow.plan.names import KINDS, dataset_settings

PAIR, POINT = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), np.array([[0.5, 1.0, 0.0]])
"""Å: two atoms, and a place for a probe."""

_module = cache(registry.module)


def mistakes(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    """What is wrong in a configuration whose requests seem possible."""
    errors = list(_misfits(config))
    yield from errors
    if not errors:
        yield from _impossible_snapshots(config)
        yield from splitting.mistakes(config)
        plan = ForceFieldPlan(config, Layout(config["run"]))
        yield from _impossible_figures(plan)
        yield from _missing_codes(plan)


def _misfits(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    """Settings that are none of their modules."""
    for name, settings in config["forcefields"]["dynamics"].items():
        yield from _misfit(DynamicsConfig, settings, f"forcefields.dynamics.{name}")
    for name, settings in config["forcefields"].get("physics", {}).items():
        yield from _misfit(PhysicsConfig, settings, f"forcefields.physics.{name}")
    for name, entry in config["datasets"].items():
        yield from _of_dataset(f"datasets.{name}", entry)
    for name, entry in config["models"].items():
        yield from _of_model(f"models.{name}", entry)
    for name in config["generation"]["sweeps"]:
        yield from _of_sweep(config, name)


def _of_dataset(where: str, entry: Mapping[str, Any]) -> Iterator[ConfigError]:
    plugin = yield from _plugin("datasets", entry["kind"], f"{where}.kind")
    if plugin is not None:
        yield from _misfit(plugin.Config, dataset_settings(entry), where)
    yield from _misfit(SplitConfig, entry["split"], f"{where}.split")


def _of_model(where: str, entry: Mapping[str, Any]) -> Iterator[ConfigError]:
    if entry["kind"] not in KINDS or "module" not in entry:
        return  # what is not trained, and weights that the run does not use
    plugin = yield from _plugin(KINDS[entry["kind"]], entry["module"], f"{where}.module")
    if plugin is not None:
        yield from _misfit(plugin.Config, entry["config"], f"{where}.config")
    if plugin is not None and entry["kind"] == "generator":
        settings = {key: value for key, value in entry["sampling"].items() if key != "batch_size"}
        yield from _misfit(plugin.Sampling, settings, f"{where}.sampling")
    if not is_given(entry):
        yield from _misfit(TrainingConfig, entry["training"], f"{where}.training")


def _of_sweep(config: Mapping[str, Any], name: str) -> Iterator[ConfigError]:
    """What is wrong with the first member of a sweep that is wrong; others often have the same mistake."""
    for member in sweeps.members(config, name):
        errors = list(_of_model(f"generation.sweeps.{name}", member.entry))
        if errors:
            yield from errors
            return


def _impossible_snapshots(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    """Shares of a training that may end before them, or is so short that several are the same step."""
    models = snapshots.expand(config)["models"]
    for name in dict.fromkeys(entry["trained_as"] for entry in models.values() if snapshots.SHARE in entry):
        training = from_dict(TrainingConfig, models[name]["training"], f"models.{name}.training")
        if training.early_stopping is not None:
            problem = (
                f"'{name}' may stop early (training.early_stopping), before a share of its steps is done"
            )
            yield ConfigError(problem, snapshots.WHERE)
        if len(training.snapshot_steps()) < len(training.snapshots):
            problem = f"of the {training.steps} steps of '{name}' two of these shares are the same step"
            yield ConfigError(problem, snapshots.WHERE)


def _plugin(kind: str, name: str, where: str) -> Generator[ConfigError, None, ModuleType | None]:
    try:
        return _module(kind, name)
    except ImportError as error:
        yield ConfigError(f"tutti.{registry.PACKAGES[kind]}.{name} cannot be imported: {error}", where)
    return None


def _misfit(cls: type, mapping: Mapping[str, Any], where: str) -> Iterator[ConfigError]:
    try:
        from_dict(cls, mapping, where)
    except ConfigError as error:
        yield error


def _impossible_figures(plan: ForceFieldPlan) -> Iterator[ConfigError]:
    """Figures of models that these do not have, by trying them with weights that are not trained."""
    figures = plan.settings["figures"]
    pairs = plan.whole_networks if figures else []
    for dataset in dict.fromkeys(dataset for dataset, _ in pairs):
        settings, _ = splitting.settings(plan.config["datasets"][dataset])
        if "chemical_potential" in figures and is_periodic(settings):
            problem = f"'chemical_potential' is drawn around molecules, but {dataset} is periodic"
            yield ConfigError(problem, "forcefields.figures")
    for model in dict.fromkeys(model for _, model in pairs):
        untrained = _untrained(plan.entry(model)["module"], plan.network(model))
        for figure in figures:
            problem = _lack(figure, untrained)
            if problem:
                yield ConfigError(f"'{figure}' of {model}: {problem}", "forcefields.figures")


def _missing_codes(plan: ForceFieldPlan) -> Iterator[ConfigError]:
    """Calculators of codes that are not installed, unless they have an environment of their own."""
    for name in dict.fromkeys(each.model for each in plan.calculators):
        entry = plan.entry(name)
        package = entry["factory"].partition(":")[0].partition(".")[0]
        if "environment" not in entry and find_spec(package) is None:
            problem = f"there is no module '{package}'; {advice(package)}"
            yield ConfigError(problem, f"models.{name}.factory")


def _untrained(module: str, settings: Mapping[str, Any]) -> ForceField:
    carbon = Structures.from_frames([([elements.NUMBERS["C"]], np.zeros((1, 3)))])
    carbon = replace(carbon, free_atoms=dict.fromkeys(elements.NUMBERS, 0.0))
    return create("forcefields", module, dict(settings), seed=0, structures=carbon)


def _lack(figure: str, model: ForceField) -> str:
    """Why a figure cannot be drawn of a model; empty: it can."""
    element = model.config.elements[0]
    numbers = np.full(len(PAIR), elements.NUMBERS[element])
    try:
        if figure == "embedding":
            principal_components(model)
        elif figure == "chemical_potential":
            probe_energies(model, numbers, PAIR, element, POINT)
        else:
            radial_filters(model, PAIR[1, :1])
    except ValueError as error:
        return str(error)
    return ""
