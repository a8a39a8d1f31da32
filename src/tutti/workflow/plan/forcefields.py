"""What is planned of force fields: trainings, predictions, simulations, and what is measured of them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tutti.benchmark import tables
from tutti.core.files import files_among
from tutti.workflow import given
from tutti.workflow.plan.listed import REFERENCE, ListedForceFields
from tutti.workflow.plan.names import CALCULATOR, PREDICTIONS, base, local_files, size
from tutti.workflow.plan.samples import Set

ALIGNED = "energies aligned by least squares per element on the training split"
"""What the notes of errors say of a calculator's energies."""
PREDICT = "tutti.models.forcefields.predictions.predict_to_file"
ADOPT = "tutti.benchmark.forcefields.matching.adopt"
"""Functions that predict, with a force field or by what another code has predicted."""


@dataclass(frozen=True)
class ForceFieldPlan(ListedForceFields):
    """Force fields and their simulations."""

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
        trained = [pair for pair in self.energies if pair in self.trained]
        return trained if "committee" in self.tables and len(self.config["seeds"]) > 1 else []

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
            reading = {name: entry.get(name, {}) for name in ("units", "keys")}
            return {"function": ADOPT, "source": entry["path"], "arguments": reading}
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
        asked = {
            model: self.layout.probes(dataset, model, str(self.seeds(model)[0]))
            for of, model in self.energies
            if of == dataset
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
        if self.is_given(model):
            return f"{dataset}, weights {given.origin(entry)}, not trained here"
        steps = f"at most {entry['training']['steps']} training steps"
        return f"{dataset}, {steps}, {len(self.config['seeds'])} seed(s)"

    def published_subsets(self) -> dict[str, dict[str, str]]:
        """Papers give errors by molecule: the published subset of a dataset's test errors."""
        return {
            dataset: {"test": self.config["datasets"][dataset]["molecule"]}
            for dataset in dict.fromkeys(base(dataset) for dataset, _ in self.pairs)
            if "molecule" in self.config["datasets"][dataset]
        }

    def measured_files(self) -> Iterator[str]:
        """Rows of all force fields and of what was timed."""
        yield from (self.layout.measured(d, m, str(s)) for d, m, s in self.measured)
        yield from (self.layout.measured(d, m, str(s), "-speed") for d, m, s in self.timed)
