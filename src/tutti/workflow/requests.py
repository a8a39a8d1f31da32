"""Requests that are known but cannot be met as the rest of the configuration stands."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tutti.benchmark.tables import declared
from tutti.core.registry import ConfigError
from tutti.workflow import given, snapshots
from tutti.workflow.plan.forcefields import ForceFieldPlan
from tutti.workflow.plan.layout import WEIGHTS, Layout
from tutti.workflow.plan.names import FORCEFIELD, named_files, used_datasets
from tutti.workflow.plan.samples import SamplePlan

NEEDS = {
    "completions": "a model of generation.models that can go on from a part of a molecule",
    "generators": "a model of kind generator in generation.models",
    "samples": "generation.models and generation.datasets, or the control whole_data of a dataset",
    "errors": "a run in forcefields.runs without 'sizes'",
    "water": "a run without 'sizes' of a model of the energy whose config has the weights of the 'loss'",
    "learning_curve": "a run in forcefields.runs with 'sizes'",
    "inference_time": "a run without 'sizes' of a model of the energy",
    "dynamics": "a run without 'sizes' of a model of the energy on a dataset named in forcefields.dynamics",
    "physics": "a run without 'sizes' of a model of the energy",
    "committee": "two 'seeds' or more, and a run without 'sizes' of a model of the energy",
}
"""What the tables need: those of generators by what they are made of, those of force fields by name."""
FILES_OF_MODELS = ("path", "pretrained", "environment")
"""Settings of models that name a file or folder of the user's."""
UNTRAINED = {
    "sizes": "is not trained here, so that it has no learning curve; name it in a run without 'sizes'",
    "targets": "is not trained here, so that what it gives is settled; name it in a run without 'targets'",
}
"""What is said of given weights, calculators and predictions of other codes in runs that ask for more."""


class UnmetError(ConfigError):
    """Nothing in the run gives what is asked for, which is no mistake where only the defaults ask for it."""


def impossible(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    """What cannot be done, of a configuration whose names are all known."""
    try:
        expanded = snapshots.expand(config)
    except ConfigError as error:
        yield error
        return
    layout = Layout(config["run"])
    yield from _missing_files(config)
    yield from _of_generation(SamplePlan(expanded, layout))
    yield from _of_forcefields(ForceFieldPlan(expanded, layout))


def local_files(config: Mapping[str, Any]) -> dict[str, Path]:
    """The user's own files and folders that the run reads, by the key that names them."""
    found = {
        f"datasets.{name}.{key}": path
        for name in used_datasets(config)
        for key, path in named_files(config["datasets"][name]).items()
    }
    runs = config["forcefields"]["runs"]
    models = [*config["generation"]["models"], *(name for run in runs for name in run["models"])]
    found |= {
        f"models.{name}.{key}": config["models"][name].get(key) for name in models for key in FILES_OF_MODELS
    }
    for dataset, settings in config["forcefields"].get("physics", {}).items():
        for name, scan in settings.get("scans", {}).items():
            found[f"forcefields.physics.{dataset}.scans.{name}.path"] = scan.get("path")
    return {where: Path(path) for where, path in found.items() if isinstance(path, str)}


def _missing_files(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    for where, path in local_files(config).items():
        if not path.exists():
            yield ConfigError(f"no such file or folder: {path}", where)
        elif where.endswith(".pretrained"):
            for name in (WEIGHTS, "config.json"):
                if not (path / name).is_file():
                    yield ConfigError(f"{path}: no folder of weights, it has no {name}", where)


def _of_generation(plan: SamplePlan) -> Iterator[ConfigError]:
    """Tables of samples and generators; and models without data."""
    config, evaluation = plan.config, plan.config["evaluation"]
    if config["generation"]["snapshots"] and not plan.snapshots:
        yield UnmetError(f"snapshots need {NEEDS['generators']} that is trained here", snapshots.WHERE)
    elif plan.snapshots and not plan.learnt:
        known = ", ".join(dict.fromkeys(column.table for column in declared().tables["learning"].columns))
        yield ConfigError(f"snapshots need one of the tables {known}", "evaluation.tables")
    if plan.models and not config["generation"]["datasets"]:
        yield ConfigError("models need a dataset to learn from or to be compared with", "generation.datasets")
    there = {"samples": plan.judged, "completions": plan.completing, "generators": plan.timed}
    for name in evaluation["tables"]:
        table = declared().tables[name]
        lack = table.lacks(plan.assigners, reference=True) if table.of == "samples" and plan.judged else ""
        if lack:
            yield ConfigError(f"'{name}' needs {lack} in bonds.assigners", "evaluation.tables")
        elif not there[table.of]:
            yield UnmetError(f"'{name}' needs {NEEDS[table.of]}", "evaluation.tables")
    yield from _empty_test_splits(plan)


def _empty_test_splits(plan: SamplePlan) -> Iterator[ConfigError]:
    """A dataset without a test split has no molecules for most controls."""
    needy = made_of_test_splits(plan)
    for name in plan.config["generation"]["datasets"]:
        if plan.config["datasets"][name]["split"].get("test") == 0 and needy:
            found = ", ".join(needy)
            problem = f"the test split is empty, but evaluation asks for {found}, which are made of it"
            yield ConfigError(problem, f"datasets.{name}.split.test")


def made_of_test_splits(plan: SamplePlan) -> list[str]:
    """Sets and tables of samples that are made of a test split."""
    controls = plan.config["evaluation"]["controls"] if plan.judged else []
    needy = {name for name in controls if declared().controls[name].part == "test"}
    needy |= {"strain"} & set(plan.tables)
    return sorted(needy | ({"completion"} if plan.completing else set()))


def _of_forcefields(plan: ForceFieldPlan) -> Iterator[ConfigError]:
    """Tables, figures and simulations of force fields."""
    yield from _of_other_codes(plan)
    made = {table for pair in plan.pairs for table in plan.measures(*pair)}
    made |= {"inference_time"} if plan.energies else set()
    for name in plan.settings["tables"]:
        if name not in made:
            needed = NEEDS.get(name, "a training that ForceFieldPlan.measures gives rows to")
            yield UnmetError(f"'{name}' needs {needed}", "forcefields.tables")
    if plan.settings["figures"] and not plan.whole_networks:
        yield UnmetError(f"figures of models need {NEEDS['errors']}", "forcefields.figures")
    energies = {dataset for dataset, _ in plan.energies}
    for section in ("dynamics", "physics"):
        for name in plan.settings.get(section, {}):
            if name not in energies:
                problem = "no run without 'sizes' has a model of the energy on this dataset"
                yield UnmetError(problem, f"forcefields.{section}.{name}")


def _of_other_codes(plan: ForceFieldPlan) -> Iterator[ConfigError]:
    """Runs that ask of what is not trained here what only a training has."""
    for i, run in enumerate(plan.settings["runs"]):
        for key in UNTRAINED.keys() & run.keys():
            for name in run["models"]:
                if (kind := plan.kind(name)) != FORCEFIELD or plan.is_given(name):
                    what = f"has {given.KEY}" if plan.is_given(name) else f"is of kind {kind}"
                    problem = f"'{name}' {what}: it {UNTRAINED[key]}"
                    yield ConfigError(problem, f"forcefields.runs[{i}].{key}")
