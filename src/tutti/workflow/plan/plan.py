"""The whole run: what the rules ask, each question once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from tutti.benchmark import tables
from tutti.core import functions
from tutti.core.registry import PACKAGES
from tutti.core.sources import PACKAGE, sources
from tutti.workflow import given, snapshots
from tutti.workflow.plan.figures import FigurePlan
from tutti.workflow.plan.forcefields import ForceFieldPlan
from tutti.workflow.plan.layout import WEIGHTS, Layout
from tutti.workflow.plan.listed import REFERENCE
from tutti.workflow.plan.names import (
    KINDS,
    PREDICTIONS,
    VARIANT,
    base,
    dataset_settings,
    local_files,
    modules_of,
    named_files,
    one_of,
    used_datasets,
)
from tutti.workflow.plan.published import published_names
from tutti.workflow.plan.samples import SamplePlan, Set
from tutti.workflow.plan.signals import SignalPlan
from tutti.workflow.plan.speed import SpeedPlan

CALCULATOR = "models.forcefields.calculator"
"""Loaded only where there is a force field."""


@dataclass(frozen=True)
class Plan:
    """A run.

    Attributes:
        config: the merged, checked configuration, sweeps and snapshots expanded.
        scripts: folder of the rules' scripts.
    """

    config: Mapping[str, Any]
    scripts: Path

    @classmethod
    def of(cls, config: Mapping[str, Any], scripts: Path) -> Self:
        """The plan of a merged configuration whose sweeps and snapshots are not expanded yet."""
        return cls(snapshots.expand(given.filled(config)), scripts)

    @cached_property
    def layout(self) -> Layout:
        """Where the files lie."""
        return Layout(self.config["run"])

    @cached_property
    def samples(self) -> SamplePlan:
        """Generators and their samples."""
        return SamplePlan(self.config, self.layout)

    @cached_property
    def forcefields(self) -> ForceFieldPlan:
        """Force fields and their simulations."""
        return ForceFieldPlan(self.config, self.layout)

    @cached_property
    def signals(self) -> SignalPlan:
        """Signals on the sphere."""
        return SignalPlan(self.config, self.layout)

    @cached_property
    def speed(self) -> SpeedPlan:
        """What is timed alone on its machine."""
        return SpeedPlan(self.config, self.layout, self.samples, self.forcefields)

    @cached_property
    def figures(self) -> FigurePlan:
        """Figures."""
        return FigurePlan(self.config, self.layout, self.samples, self.forcefields, self.signals, self.tables)

    @cached_property
    def tables(self) -> list[str]:
        """Tables of the run, in the order of their declaration."""
        forcefields = {name for each in self.forcefields.measured for name in self._rows(each)}
        made = {*self.samples.tables, *forcefields}
        made |= {"completion"} if self.samples.completing else set()
        made |= {"throughput"} if self.samples.timed else set()
        made |= {"learning"} if self.samples.learnt else set()
        made |= {"inference_time"} if self.forcefields.timed else set()
        made |= {"paper_versus_here"} if made else set()
        seeded = self.samples.whole or self.forcefields.trainings
        made |= {"over_seeds"} if seeded and len(self.config["seeds"]) > 1 else set()
        made |= {"validity_ranks"} if "validity" in made and len(self.samples.models) > 1 else set()
        made |= {"signals"} if self.signals.fits else set()
        return [name for name in tables.declared().tables if name in made]

    def _rows(self, training: Set) -> list[str]:
        return list(self.forcefields.measures(training.dataset, training.model))

    def code(self, script: str, *modules: str) -> list[str]:
        """The script, what it imports of the package, and what it loads by name: edits rerun the job."""
        return [os.path.relpath(path) for path in sources(*modules, script=self.scripts / f"{script}.py")]

    @cached_property
    def readers(self) -> list[str]:
        """Modules of file formats, which are loaded by the names of files."""
        return [
            f"io.{path.stem}" for path in sorted((PACKAGE / "io").glob("*.py")) if path.stem != "__init__"
        ]

    def package_data(self, folder: str) -> list[str]:
        """Files in a folder of the package that are no Python: templates, tables."""
        found = sorted(path for path in (PACKAGE / folder).rglob("*.*") if not path.match("*.py*"))
        return [os.path.relpath(path) for path in found]

    def entry(self, model: str) -> Mapping[str, Any]:
        """The catalogue's entry of a model."""
        return self.config["models"][base(model)]

    def kind(self, model: str) -> str:
        """Kind of plug-in that a model is: "generators" or "forcefields"."""
        return KINDS[self.entry(model)["kind"]]

    def modules(self, model: str) -> list[str]:
        """Module of a model, below `tutti`, as a list that is empty for what another code computes."""
        return modules_of(self.entry(model))

    def predict_modules(self, model: str) -> list[str]:
        """Modules that predicting loads by name."""
        read = self.readers if self.forcefields.kind(model) == PREDICTIONS else []
        function = self.forcefields.predicts("", model, 0)["function"]
        return [functions.module_of(function), *self.modules(model), *read]

    def force_modules(self, model: str) -> list[str]:
        """Modules that a simulation's forces come from, beside xTB."""
        return [] if model == REFERENCE else [*self.modules(model), CALCULATOR]

    def probe_modules(self, dataset: str, model: str) -> list[str]:
        """Modules that a calculator is made of, and that read scans."""
        return [*self.force_modules(model), *(self.readers if self.forcefields.scans(dataset) else [])]

    def dataset_files(self, dataset: str) -> list[str]:
        """The user's own files that a dataset is made from."""
        named = named_files(self.config["datasets"][dataset])
        return [file for path in named.values() for file in local_files(path)]

    def dataset_modules(self, dataset: str) -> list[str]:
        """Modules that make a dataset."""
        kind = self.config["datasets"][dataset]["kind"]
        return [f"{PACKAGES['datasets']}.{kind}", *(self.readers if kind == "file" else [])]

    def dataset_settings(self, dataset: str) -> dict[str, Any]:
        """Fields of the `Config` of a dataset's kind."""
        return dataset_settings(self.config["datasets"][dataset])

    def initial_weights(self, model: str, seed: str) -> list[str]:
        """Weights that a training starts from, where the model's entry names them."""
        start = self.entry(model).get("pretrained")
        if isinstance(start, str):
            return [f"{start}/{name}" for name in (WEIGHTS, "config.json")]
        return [self.layout.training(start["dataset"], start["model"], seed)] if start else []

    def given_files(self, model: str) -> list[str]:
        """Files of the folder that a model's weights are taken from."""
        return [os.path.relpath(path) for path in given.files(self.entry(model))]

    @cached_property
    def trainings(self) -> list[Set]:
        """All trainings."""
        return [*self.samples.trainings, *self.forcefields.trainings]

    @cached_property
    def adopted(self) -> list[Set]:
        """All models whose weights are given."""
        return [*self.samples.adopted, *self.forcefields.adopted]

    @cached_property
    def patterns(self) -> dict[str, str]:
        """Regular expressions of wildcards."""
        controls = list(tables.declared().controls)
        trained = dict.fromkeys(each.model for each in self.samples.trainings)
        forcefields = self.forcefields.patterns
        return {
            "dataset": one_of(self.config["datasets"]),
            "training_set": rf"({one_of(self.config['datasets'])})({VARIANT}\d+)?",
            "model": one_of([*self.config["models"], *controls]),
            "generator": one_of([*self.samples.trained, *self.samples.snapshots]),
            **forcefields,
            "training": one_of(name for name in trained if name not in self.samples.kept_of),
            "adopted": "|".join(
                [one_of(each.model for each in self.samples.adopted), forcefields["adopted_forcefield"]]
            ),
            "training_with_snapshots": one_of(self.samples.kept_of),
            "reference": "(?!)"
            if tables.REFERENCE in self.config["evaluation"]["controls"]
            else tables.REFERENCE,
            "judged": one_of(
                [*self.samples.models, *self.samples.snapshots, *self._judged_controls(controls)]
            ),
            "seed": r"\d+",
            "part": r"(-part\d+of\d+)?",
        }

    def _judged_controls(self, controls: list[str]) -> list[str]:
        """Controls that pass the checks; the training molecules only where they are asked for."""
        asked = self.config["evaluation"]["controls"]
        return [name for name in controls if name != tables.REFERENCE or name in asked]

    def sample_readers(self, model: str) -> list[str]:
        """Modules that read a set of samples: any, or the one of what is sampled here."""
        if model in tables.declared().controls:
            return []
        return self.readers if model in self.samples.external else ["io.extxyz"]

    def measure_modules(self, dataset: str, model: str) -> list[str]:
        """Modules that measuring a force field loads by name."""
        wanted = self.forcefields.measures(dataset, model)
        found = [functions.module_of(each["function"]) for each in wanted.values()]
        return [*found, *(self.force_modules(model) if "dynamics" in wanted else [])]

    @cached_property
    def rows(self) -> list[str]:
        """Files with the rows of all tables."""
        return [*self.samples.measured_files(), *self.forcefields.measured_files()]

    @cached_property
    def published(self) -> dict[str, Any]:
        """What the tables are told of the papers."""
        return published_names(self.samples, self.forcefields)

    @cached_property
    def table_modules(self) -> list[str]:
        """Modules that make tables of all rows, of other tables and of fits, loaded by name."""
        made = [tables.declared().tables[name] for name in self.tables]
        found = [each.function for each in made if each.of in ("tables", "snapshots", "fits")]
        return [
            functions.module_of(name) for name in [*found, *(each.finish for each in made if each.finish)]
        ]

    @cached_property
    def datasets(self) -> list[str]:
        """All by their names in the catalogue, also those of which models see a part alone."""
        return used_datasets(self.config)

    @cached_property
    def sidecars(self) -> list[str]:
        """Files that say how results were made."""
        weights = [*self.trainings, *self.adopted]
        return [
            *map(self.layout.splits, self.datasets),
            *(self.layout.training(d, m, str(s), "train.json") for d, m, s in weights),
            *(self.layout.calculator(d, m, str(s)) for d, m, s in self.forcefields.calculators),
            *(self.layout.samples(d, m, str(s), ".json") for d, m, s in self.samples.sampled),
        ]

    @cached_property
    def benchmarks(self) -> list[str]:
        """What Snakemake measured of the long jobs."""
        return [
            *(self.layout.benchmark("train", d, m, str(s)) for d, m, s in self.trainings),
            *(self.layout.benchmark("sample", d, m, str(s)) for d, m, s in self.samples.sampled),
        ]

    @cached_property
    def targets(self) -> list[str]:
        """Everything that a run is for."""
        return [
            self.layout.page,
            self.layout.sums("tables/"),
            *(self.layout.table(name, form) for name in self.tables for form in ("md", "tex")),
            *(self.layout.figure(each.name, "png") for each in self.figures.all),
        ]

    def used_config(self) -> dict[str, Any]:
        """The configuration with only those entries of the catalogues that the run uses."""
        runs = self.config["forcefields"]["runs"]
        models = [*self.samples.models, *(name for run in runs for name in run["models"])]
        models += [each.model for each in [*self.samples.trainings, *self.samples.adopted]]
        return {
            **self.config,
            "datasets": {name: self.config["datasets"][name] for name in self.datasets},
            "models": {name: self.config["models"][name] for name in dict.fromkeys(models)},
        }
