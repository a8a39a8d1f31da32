"""Which force fields a study names, and what each of them is.

Force fields are trained here, have weights that are given, or are calculators or predictions of other codes;
all but the first have one seed, 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tutti.workflow.given import is_given
from tutti.workflow.plan.layout import Layout
from tutti.workflow.plan.names import (
    CALCULATOR,
    FORCEFIELD,
    PREDICTIONS,
    VARIANT,
    base,
    one_of,
    target,
    variant,
)
from tutti.workflow.plan.samples import Set

REFERENCE = "reference"
"""Stands for a model: the method that the data are from."""
OF_A_CALCULATOR = {"threads": 1, "gpu": 0, "mem_mb": 4000, "runtime": 1440}
"""Resources of xTB, and of a calculator whose entry names none."""


@dataclass(frozen=True)
class ListedForceFields:
    """The force fields of `forcefields.runs`.

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
        networks = {name: is_given(self.entry(name)) for name in self.names(FORCEFIELD)}
        trained = rf"({one_of(name for name, given in networks.items() if not given)})({VARIANT}\w+)?"
        adopted = one_of(name for name, given in networks.items() if given)
        calculators, predictions = one_of(self.names(CALCULATOR)), one_of(self.names(PREDICTIONS))
        return {
            "forcefield": trained,
            "adopted_forcefield": adopted,
            "calculator": calculators,
            "computing": f"{trained}|{adopted}|{calculators}",
            "compared": f"{trained}|{adopted}|{calculators}|{predictions}",
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
    def networks(self) -> list[tuple[str, str]]:
        """Those whose weights are here."""
        return [pair for pair in self.pairs if self.kind(pair[1]) == FORCEFIELD]

    @cached_property
    def trained(self) -> list[tuple[str, str]]:
        """Those of them that are trained here."""
        return [pair for pair in self.networks if not self.is_given(pair[1])]

    @cached_property
    def whole(self) -> list[tuple[str, str]]:
        """Those that are of a whole training split."""
        return [pair for pair in self.pairs if VARIANT not in pair[0]]

    @cached_property
    def whole_networks(self) -> list[tuple[str, str]]:
        """Those of them whose weights are here."""
        return [pair for pair in self.networks if VARIANT not in pair[0]]

    @cached_property
    def whole_trained(self) -> list[tuple[str, str]]:
        """Those of them that are trained here, and have curves."""
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
        is_trained = self.kind(model) == FORCEFIELD and not self.is_given(model)
        return self.config["seeds"] if is_trained else [0]

    def seeded(self, pairs: list[tuple[str, str]]) -> list[Set]:
        """Each with all its seeds."""
        return [Set(*pair, seed) for pair in pairs for seed in self.seeds(pair[1])]

    @cached_property
    def trainings(self) -> list[Set]:
        """All trainings of force fields."""
        return self.seeded(self.trained)

    @cached_property
    def adopted(self) -> list[Set]:
        """All whose weights are given."""
        return self.seeded([pair for pair in self.networks if self.is_given(pair[1])])

    @cached_property
    def calculators(self) -> list[Set]:
        """All calculators of other codes."""
        return self.seeded([pair for pair in self.pairs if self.kind(pair[1]) == CALCULATOR])

    def kind(self, model: str) -> str:
        """Kind of a model's entry."""
        return self.entry(model)["kind"]

    def is_given(self, model: str) -> bool:
        """Whether a model's entry names its weights."""
        return is_given(self.entry(model))

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

    def resources(self, model: str) -> Mapping[str, Any]:
        """What jobs of a model need, or of xTB as the reference."""
        entry = {} if model == REFERENCE else self.entry(model)
        return entry.get("resources", OF_A_CALCULATOR)

    def environment(self, model: str) -> str | None:
        """File of the conda environment that a model's jobs have of their own, if they do."""
        return None if model == REFERENCE else self.entry(model).get("environment")


def _variants(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(training set, model) of all that an entry of forcefields.runs trains."""
    return [
        (variant(run["dataset"], n), variant(model, asked))
        for n in run.get("sizes", [None])
        for model in run["models"]
        for asked in run.get("targets", [""])
    ]
