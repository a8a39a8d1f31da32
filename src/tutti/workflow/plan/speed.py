"""What is timed alone on its machine: sampling of generators, force calls of force fields and of xTB."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tutti.benchmark import tables
from tutti.core import functions
from tutti.workflow.plan.forcefields import ForceFieldPlan
from tutti.workflow.plan.layout import Layout
from tutti.workflow.plan.listed import REFERENCE
from tutti.workflow.plan.names import modules_of
from tutti.workflow.plan.samples import SamplePlan

XTB = "tutti.benchmark.forcefields.inference_time.xtb_table"


@dataclass(frozen=True)
class SpeedPlan:
    """Measurements of speed.

    Attributes:
        config: the whole configuration.
        layout: of the files.
        samples: what is planned of generators.
        forcefields: what is planned of force fields.
    """

    config: Mapping[str, Any]
    layout: Layout
    samples: SamplePlan
    forcefields: ForceFieldPlan

    def of(self, dataset: str, model: str, seed: str) -> dict[str, Any]:
        """The table, the function that times, its arguments, and the number of threads."""
        if model in self.samples.trained:
            entry = self.config["models"][model]
            sampling = {key: value for key, value in entry["sampling"].items() if key != "batch_size"}
            table, threads = "throughput", entry["resources"]["threads"]
            settings = {**self.config["evaluation"]["throughput"], "settings": sampling}
        else:
            table, threads = "inference_time", self.forcefields.threads
            settings = self.config["forcefields"]["inference"]
        function = tables.declared().tables[table].function
        if model == REFERENCE:
            function, settings = XTB, {"most_atoms": settings["most_atoms"]}
        else:
            settings = {**settings, "model": model}
        arguments = {**settings, "dataset": dataset, "seed": int(seed)}
        return {"table": table, "function": function, "threads": threads, "arguments": arguments}

    def files(self, dataset: str, model: str, seed: str) -> dict[str, list[str] | str]:
        """Weights of what is timed, and the data that its atoms are from."""
        if model in self.samples.trained:
            return {"weights": [self.samples.weights(dataset, model, seed)]}
        data = {"dataset": self.layout.dataset(dataset), "splits": self.layout.splits(dataset)}
        return {"weights": self.forcefields.weights(dataset, model, seed), **data}

    def modules(self, dataset: str, model: str, seed: str) -> list[str]:
        """Modules that the measurement loads by name."""
        timing = functions.module_of(self.of(dataset, model, seed)["function"])
        return [timing, *([] if model == REFERENCE else modules_of(self.forcefields.entry(model)))]
