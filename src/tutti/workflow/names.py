"""Names in a configuration, against those in its catalogues and those that the package knows."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tutti.benchmark.tables import OF_FORCEFIELDS, declared, tables
from tutti.core import registry
from tutti.core.names import alike
from tutti.core.properties import KEYS
from tutti.core.registry import ConfigError, closest
from tutti.workflow.plan.listed import REFERENCE
from tutti.workflow.plan.names import FORCEFIELD, FORCEFIELDS, KINDS


def unknown(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    """Names that stand for nothing, with the nearest known one; and models whose name is taken."""
    kinds = {name: entry["kind"] for name, entry in config["models"].items()}
    sweeps = config["generation"]["sweeps"]
    for where, known in {
        "datasets": config["datasets"],
        "models": kinds,
        "generation.sweeps": sweeps,
    }.items():
        if same := alike(known):
            problem = f"differs from '{same[0]}' in upper and lower case alone, which files do not tell apart"
            yield ConfigError(problem, f"{where}.{same[1]}")
    for name in sorted(kinds.keys() & {*declared().controls, REFERENCE}):
        problem = "stands for something else in the tables; call the model otherwise"
        yield ConfigError(problem, f"models.{name}")
    yield from _of_catalogues(config)
    yield from _of_generation(config, kinds)
    yield from _among(config["bonds"]["assigners"], registry.names("bonds"), "bonds.assigners")
    yield from _of_evaluation(config["evaluation"])
    yield from _of_forcefields(config, kinds)


def _of_catalogues(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    """Modules of datasets and models."""
    known = {kind: registry.names(kind) for kind in ("datasets", *KINDS.values())}
    for name, entry in config["datasets"].items():
        yield from _among([entry["kind"]], known["datasets"], f"datasets.{name}.kind", "no datasets module")
    for name, entry in config["models"].items():
        if entry["kind"] in KINDS and "module" in entry:
            kind = KINDS[entry["kind"]]
            yield from _among([entry["module"]], known[kind], f"models.{name}.module", f"no {kind} module")


def _of_generation(config: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[ConfigError]:
    generation = config["generation"]
    judged = [name for name, kind in kinds.items() if kind not in FORCEFIELDS]
    trainable = [name for name, kind in kinds.items() if kind == "generator"]
    yield from _among(generation["datasets"], config["datasets"], "generation.datasets")
    yield from _among(generation["models"], judged, "generation.models")
    for name, sweep in generation["sweeps"].items():
        yield from _among([sweep["model"]], trainable, f"generation.sweeps.{name}.model")


def _of_evaluation(evaluation: Mapping[str, Any]) -> Iterator[ConfigError]:
    known = tables("samples", "completions", "generators")
    yield from _among(evaluation["tables"], known, "evaluation.tables")
    yield from _among(evaluation["controls"], declared().controls, "evaluation.controls")
    for name in evaluation["checks"]:
        yield from _among([name], declared().checks, f"evaluation.checks.{name}")


def _of_forcefields(config: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[ConfigError]:
    section, datasets = config["forcefields"], config["datasets"]
    models = [name for name, kind in kinds.items() if kind in FORCEFIELDS]
    trained = [name for name, kind in kinds.items() if kind == FORCEFIELD]
    for i, run in enumerate(section["runs"]):
        where = f"forcefields.runs[{i}]"
        yield from _among([run["dataset"]], datasets, f"{where}.dataset")
        yield from _among(run["models"], models, f"{where}.models")
        yield from _among(run.get("targets", []), KEYS, f"{where}.targets")
    made = [*tables(*OF_FORCEFIELDS), "learning_curve"]
    yield from _among(section["tables"], made, "forcefields.tables")
    drawn = [name for name, figure in declared().figures.items() if figure.of == "weights"]
    yield from _among(section["figures"], drawn, "forcefields.figures")
    yield from _among(section["dynamics"], datasets, "forcefields.dynamics")
    yield from _among(section.get("physics", {}), datasets, "forcefields.physics")
    for name, entry in config["models"].items():
        if isinstance(entry.get("pretrained"), Mapping):
            where = f"models.{name}.pretrained"
            yield from _among([entry["pretrained"]["dataset"]], datasets, f"{where}.dataset")
            yield from _among([entry["pretrained"]["model"]], trained, f"{where}.model")


def _among(
    chosen: Iterable[str], known: Iterable[str], where: str, problem: str = "unknown name"
) -> Iterator[ConfigError]:
    known = list(known)
    for name in chosen:
        if name not in known:
            yield ConfigError(f"{problem} {closest(name, known)}", where)
