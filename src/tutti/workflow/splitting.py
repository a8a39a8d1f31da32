"""Splits that cannot be made, or lack what the run needs, as far as the data can be counted before."""

from collections.abc import Iterator, Mapping
from typing import Any

from tutti.core.registry import ConfigError, from_dict, module
from tutti.data.expected import most_by_part, most_structures
from tutti.data.splits import PARTS, Size, SplitConfig
from tutti.io import SPLIT
from tutti.workflow import requests, snapshots
from tutti.workflow.plan.forcefields import ForceFieldPlan
from tutti.workflow.plan.layout import Layout
from tutti.workflow.plan.names import base, dataset_settings
from tutti.workflow.plan.samples import SamplePlan

Sizes = dict[str, Size]
"""Of the parts of a dataset: numbers where they are known, else as its split says."""


def mistakes(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    """What is wrong with the splits of a configuration whose settings are all understood."""
    sizes = {}
    for name, entry in config["datasets"].items():
        try:
            sizes[name] = _sizes(*settings(entry))
        except ConfigError as error:
            yield ConfigError(error.problem, f"datasets.{name}.{error.where}")
        except ValueError as error:
            yield ConfigError(str(error), f"datasets.{name}.split")
    yield from _long_learning_curves(config, sizes)
    yield from _empty_parts(config, sizes)


def settings(entry: Mapping[str, Any]) -> tuple[object, SplitConfig]:
    """Of a dataset and of its split."""
    cls = module("datasets", entry["kind"]).Config
    return from_dict(cls, dataset_settings(entry), ""), from_dict(SplitConfig, entry["split"], "")


def _sizes(data: object, split: SplitConfig) -> Sizes:
    sizes, marked = {part: getattr(split, part) for part in PARTS}, most_by_part(data)
    if marked and split.column != SPLIT:
        raise ConfigError(f"path names a file for each part: write column: {SPLIT}", "split.column")
    if split.column is not None and not marked:
        return sizes
    for mark, names in split.pools(marked).items():
        most = most_structures(data) if mark is None else marked.get(mark, 0)
        if most is not None:
            sizes |= zip(names, split.counts(most, names), strict=True)
    return sizes


def _long_learning_curves(config: Mapping[str, Any], sizes: Mapping[str, Sizes]) -> Iterator[ConfigError]:
    for i, run in enumerate(config["forcefields"]["runs"]):
        most, asked = sizes.get(run["dataset"], {}).get("train"), max(run.get("sizes", [0]))
        if isinstance(most, int) and asked > most:
            problem = f"{asked} structures to train on, but the training split of {run['dataset']} has {most}"
            yield ConfigError(problem, f"forcefields.runs[{i}].sizes")


def _empty_parts(config: Mapping[str, Any], sizes: Mapping[str, Sizes]) -> Iterator[ConfigError]:
    """Parts that are known to have no structure, and what in the run needs some."""
    layout = Layout(config["run"])
    forces, samples = ForceFieldPlan(config, layout), SamplePlan(snapshots.expand(config), layout)
    generation = config["generation"]["datasets"]
    trained = [base(name) for name, _ in forces.trained] + (generation if samples.trainings else [])
    for name in dict.fromkeys(trained):
        if sizes.get(name, {}).get("valid") == 0:
            problem = "the validation split is empty, but models that are trained here are chosen by it"
            yield ConfigError(problem, f"datasets.{name}.split.valid")
    for name in dict.fromkeys([*generation, *forces.datasets]):
        needy = [f"the simulations of forcefields.dynamics.{name}"] * any(d == name for d, _ in forces.moving)
        if "chemical_potential" in forces.settings["figures"] and name in forces.datasets:
            needy.append("the figure chemical_potential")
        needy += requests.made_of_test_splits(samples) if name in generation else []
        if sizes.get(name, {}).get("test") == 0 and needy:
            problem = f"the test split is empty, but of it are made {', '.join(needy)}"
            yield ConfigError(problem, f"datasets.{name}.split.test")
