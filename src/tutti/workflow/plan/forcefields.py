"""What is planned of force fields: trainings, predictions, simulations, and what is measured of them.

Force fields are trained here, or are calculators or predictions of other codes; these have one seed, 0.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tutti.benchmark import tables
from tutti.core.files import files_among
from tutti.workflow.plan.layout import Layout
from tutti.workflow.plan.names import (
    CALCULATOR,
    FORCEFIELD,
    PREDICTIONS,
    VARIANT,
    base,
    local_files,
    one_of,
    size,
    target,
    variant,
)
from tutti.workflow.plan.samples import Set

REFERENCE = "reference"
"""Stands for a model: the method that the data are from."""
ALIGNED = "energies aligned by least squares per element on the training split"
"""What the notes of errors say of a calculator's energies."""
PREDICT = "tutti.models.forcefields.predictions.predict_to_file"
ADOPT = "tutti.benchmark.forcefields.matching.adopt"
"""Functions that predict, with a force field or by what another code has predicted."""
OF_A_CALCULATOR = {"threads": 1, "gpu": 0, "mem_mb": 4000, "runtime": 1440}
"""Resources of xTB, and of a calculator whose entry names none."""


@dataclass(frozen=True)
class ForceFieldPlan:
    """Force fields and their simulations.

    Attributes:
        config: the whole configuration.
        layout: of the files.
    """

    config: Mapping[str, Any]
    layout: Layout

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The section `forcefields`."""
        return self.config["forcefields"]

    def names(self, kind: str) -> list[str]:
        """All models of a kind in the catalogue."""
        return [name for name, entry in self.config["models"].items() if entry["kind"] == kind]

    @cached_property
    def patterns(self) -> dict[str, str]:
        """Regular expressions of wildcards for models: of each kind, those that compute, and all."""
        trained = rf"({one_of(self.names(FORCEFIELD))})({VARIANT}\w+)?"
        calculators, predictions = one_of(self.names(CALCULATOR)), one_of(self.names(PREDICTIONS))
        return {
            "forcefield": trained,
            "calculator": calculators,
            "computing": f"{trained}|{calculators}",
            "compared": f"{trained}|{calculators}|{predictions}",
        }

    @cached_property
    def tables(self) -> list[str]:
        """Tables of force fields that are asked for."""
        return self.settings["tables"]

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """(training set, model) of all force fields, without their seeds."""
        return list(dict.fromkeys(pair for run in self.settings["runs"] for pair in _variants(run)))

    @cached_property
    def trained(self) -> list[tuple[str, str]]:
        """Those that are trained here."""
        return [pair for pair in self.pairs if self.kind(pair[1]) == FORCEFIELD]

    @cached_property
    def whole(self) -> list[tuple[str, str]]:
        """Those that are of a whole training split."""
        return [pair for pair in self.pairs if VARIANT not in pair[0]]

    @cached_property
    def whole_trained(self) -> list[tuple[str, str]]:
        """Those of them that are trained here, and have curves and weights."""
        return [pair for pair in self.trained if VARIANT not in pair[0]]

    @cached_property
    def energies(self) -> list[tuple[str, str]]:
        """Those of a whole training split that compute energies and forces."""
        computing = [pair for pair in self.whole if self.kind(pair[1]) != PREDICTIONS]
        return [pair for pair in computing if self.target(pair[1]) == "energy"]

    @cached_property
    def moving(self) -> list[tuple[str, str]]:
        """Those that simulate."""
        return [pair for pair in self.energies if pair[0] in self.settings["dynamics"]]

    @cached_property
    def datasets(self) -> list[str]:
        """Datasets with a force field of all of their training split."""
        return list(dict.fromkeys(dataset for dataset, _ in self.whole))

    def seeds(self, model: str) -> list[int]:
        """Seeds of a model's trainings; what is not trained has one."""
        return self.config["seeds"] if self.kind(model) == FORCEFIELD else [0]

    def seeded(self, pairs: list[tuple[str, str]]) -> list[Set]:
        """Each with all its seeds."""
        return [Set(*pair, seed) for pair in pairs for seed in self.seeds(pair[1])]

    @cached_property
    def trainings(self) -> list[Set]:
        """All trainings of force fields."""
        return self.seeded(self.trained)

    @cached_property
    def calculators(self) -> list[Set]:
        """All calculators of other codes."""
        return self.seeded([pair for pair in self.pairs if self.kind(pair[1]) == CALCULATOR])

    def kind(self, model: str) -> str:
        """Kind of a model's entry."""
        return self.entry(model)["kind"]

    def entry(self, model: str) -> Mapping[str, Any]:
        """The catalogue's entry of a model."""
        return self.config["models"][base(model)]

    def network(self, model: str) -> dict[str, Any]:
        """Settings of the model's network, for the property that its name asks for."""
        asked = target(model)
        return self.entry(model).get("config", {}) | ({"target": asked} if asked else {})

    def target(self, model: str) -> str:
        """What a model predicts."""
        return self.network(model).get("target", "energy")

    def measures(self, dataset: str, model: str, seed: object = None) -> dict[str, dict[str, Any]]:
        """The tables that a training has rows in: function, what of, and the function's arguments.

        Rows of a committee stand with those of the first seed; without a seed, any table of any.
        """
        loss = self.network(model).get("loss", {})
        arguments: dict[str, dict[str, Any]] = {}
        remark = {"remark": ALIGNED} if self.kind(model) == CALCULATOR else {}
        name = "errors" if size(dataset) is None else "learning_curve"
        arguments[name] = {"target": self.target(model), **remark}
        if (dataset, model) in self.energies and "energy" in loss:
            published = self.entry(model).get("published", "")
            arguments["water"] = {"energy_weight": loss["energy"], "condition": published}
        seeds = self.config["seeds"]
        if (dataset, model) in self.committees and str(seed) in ("None", str(seeds[0])):
            arguments["committee"] = {"seeds": seeds}
        if (dataset, model) in self.energies:
            arguments["physics"] = {"dynamics": self.settings["dynamics"].get(dataset)}
        if (dataset, model) in self.moving:
            arguments["dynamics"] = {"settings": self.settings["dynamics"][dataset]}
        declared = tables.declared().tables
        return {
            name: {"function": declared[name].function, "of": declared[name].of, "arguments": found}
            for name, found in arguments.items()
            if name in self.settings["tables"]
        }

    @cached_property
    def measured(self) -> list[Set]:
        """Force fields that have rows in a table."""
        return [each for each in self.seeded(self.pairs) if self.measures(each.dataset, each.model)]

    @cached_property
    def committees(self) -> list[tuple[str, str]]:
        """(training set, model) of those whose seeds are compared: of several, and with energies."""
        return self.energies if "committee" in self.tables and len(self.config["seeds"]) > 1 else []

    @cached_property
    def timed(self) -> list[Set]:
        """What force calls are timed of: the force fields, and xTB for each of their datasets."""
        if "inference_time" not in self.tables:
            return []
        datasets = dict.fromkeys(dataset for dataset, _ in self.energies)
        return [*self.seeded(self.energies), *(Set(dataset, REFERENCE, 0) for dataset in datasets)]

    @cached_property
    def threads(self) -> int:
        """All are timed on as many threads: the most that any of them is trained on."""
        return max((self.resources(model)["threads"] for _, model in self.energies), default=1)

    def resources(self, model: str) -> Mapping[str, Any]:
        """What jobs of a model need, or of xTB as the reference."""
        entry = {} if model == REFERENCE else self.entry(model)
        return entry.get("resources", OF_A_CALCULATOR)

    def environment(self, model: str) -> str | None:
        """File of the conda environment that a model's jobs have of their own, if they do."""
        return None if model == REFERENCE else self.entry(model).get("environment")

    def method(self, dataset: str) -> str | None:
        """The method that a dataset is from, where it is simulated here."""
        return self.settings["dynamics"].get(dataset, {}).get("reference")

    def has_reference(self, dataset: str) -> bool:
        """Whether the method that a dataset is from is simulated here."""
        return self.method(dataset) is not None

    def has_rings(self, dataset: str) -> bool:
        """Whether ring polymers are simulated, too."""
        return self.settings["dynamics"][dataset].get("beads", 1) > 1

    def weights(self, dataset: str, model: str, seed: object) -> list[str]:
        """A file in a force field's folder, or what another code predicted; none of the reference."""
        if model == REFERENCE:
            return []
        if self.kind(model) == PREDICTIONS:
            return self.given_files(model)
        path = self.layout.calculator if self.kind(model) == CALCULATOR else self.layout.training
        return [path(dataset, model, str(seed))]

    def predicts(self, dataset: str, model: str, seed: object) -> dict[str, Any]:
        """The function that predicts, what it is told to open, and its further arguments."""
        entry = self.entry(model)
        if entry["kind"] == PREDICTIONS:
            return {
                "function": ADOPT,
                "source": entry["path"],
                "arguments": {"units": entry.get("units", {})},
            }
        folder = os.path.dirname(self.weights(dataset, model, seed)[0])  # noqa: PTH120
        return {
            "function": PREDICT,
            "source": folder,
            "arguments": {"batch_size": self.settings["batch_size"]},
        }

    def given_files(self, model: str) -> list[str]:
        """The user's own files that a calculator or predictions are made from."""
        entry = self.entry(model)
        return local_files(entry.get("path")) + files_among(entry.get("arguments", {}).values())

    def trajectories(self, dataset: str, model: str, seed: object) -> dict[str, str]:
        """Files of a model's or the reference's simulations, by ensemble; none where it is not simulated."""
        if model == REFERENCE and not self.has_reference(dataset):
            return {}
        ensembles = ["NVE", "NVT", *(["rings"] if self.has_rings(dataset) and model != REFERENCE else [])]
        return {name: self.layout.trajectory(dataset, model, str(seed), name) for name in ensembles}

    def physics(self, dataset: str) -> dict[str, Any]:
        """How the physics of a dataset's force fields is looked at: fields of `PhysicsConfig`."""
        return self.settings.get("physics", {}).get(dataset, {})

    def scans(self, dataset: str) -> list[str]:
        """Files of the scans of a dataset."""
        return [scan["path"] for scan in self.physics(dataset).get("scans", {}).values()]

    def probes(self, dataset: str) -> dict[str, str]:
        """Answers of the first seed of a dataset's models, before them the reference's where there is one."""
        seed = str(self.config["seeds"][0])
        asked = {
            model: self.layout.probes(dataset, model, seed) for of, model in self.energies if of == dataset
        }
        reference = {REFERENCE: self.layout.probes(dataset, REFERENCE, "0")}
        return (reference if self.has_reference(dataset) else {}) | asked

    def predictions(self, dataset: str, model: str) -> list[str]:
        """What all seeds of a model say of the test split."""
        return [self.layout.predictions(dataset, model, str(seed), "test") for seed in self.config["seeds"]]

    def to_measure(self, dataset: str, model: str, seed: object) -> dict[str, list[str] | str]:
        """What the rows of a training are made from."""
        wanted = self.measures(dataset, model, seed)
        found: dict[str, list[str] | str] = {}
        if any(each["of"] == "predictions" for each in wanted.values()):
            found |= {
                part: self.layout.predictions(dataset, model, str(seed), part) for part in ("train", "test")
            }
        if "committee" in wanted:
            found["members"] = self.predictions(dataset, model)
        if "physics" in wanted:
            found["probes"] = self.layout.probes(dataset, model, str(seed))
        if {"dynamics", "physics"} & wanted.keys() and (dataset, model) in self.moving:
            found["weights"] = self.weights(dataset, model, seed)
            found |= self.trajectories(dataset, model, seed)
            reference = self.trajectories(dataset, REFERENCE, 0)
            found |= {f"reference_{name}": path for name, path in reference.items()}
        return found

    def published_names(self) -> dict[str, str]:
        """The papers' names of the models."""
        entries = {model: self.entry(model) for _, model in self.pairs}
        return {m: entry.get("published", entry.get("module", m)) for m, entry in entries.items()}

    def origins(self) -> dict[str, str]:
        """In words, what this run's values of a model come from."""
        return {model: self._origin(dataset, model) for dataset, model in self.pairs}

    def _origin(self, dataset: str, model: str) -> str:
        entry = self.entry(model)
        if entry["kind"] == CALCULATOR:
            return f"{entry['factory']} on {dataset}, {ALIGNED}"
        if entry["kind"] == PREDICTIONS:
            return f"predictions of {os.path.basename(entry['path'])} for {dataset}"  # noqa: PTH119
        steps = f"at most {entry['training']['steps']} training steps"
        return f"{dataset}, {steps}, {len(self.config['seeds'])} seed(s)"

    def published_subsets(self) -> dict[str, dict[str, str]]:
        """Papers give errors by molecule: the published subset of a dataset's test errors."""
        return {
            dataset: {"test": self.config["datasets"][dataset]["molecule"]}
            for dataset in self.datasets
            if "molecule" in self.config["datasets"][dataset]
        }

    def measured_files(self) -> Iterator[str]:
        """Rows of all force fields and of what was timed."""
        yield from (self.layout.measured(d, m, str(s)) for d, m, s in self.measured)
        yield from (self.layout.measured(d, m, str(s), "-speed") for d, m, s in self.timed)


def _variants(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(training set, model) of all that an entry of forcefields.runs trains."""
    return [
        (variant(run["dataset"], n), variant(model, asked))
        for n in run.get("sizes", [None])
        for model in run["models"]
        for asked in run.get("targets", [""])
    ]
