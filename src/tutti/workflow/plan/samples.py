"""What is planned of generators: trainings, sets of samples, how these are judged and measured."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple

from tutti.benchmark import tables
from tutti.benchmark.tables import REFERENCE, WHOLE
from tutti.core import functions, registry
from tutti.workflow import snapshots, sweeps
from tutti.workflow.given import is_given
from tutti.workflow.plan.layout import WEIGHTS, Layout, judged_in, judged_names
from tutti.workflow.plan.names import local_files


class Set(NamedTuple):
    """One set of samples, or one training."""

    dataset: str
    model: str
    seed: int


@dataclass(frozen=True)
class SamplePlan:
    """Generators and their samples.

    Attributes:
        config: the whole configuration, sweeps and snapshots expanded.
        layout: of the files.
    """

    config: Mapping[str, Any]
    layout: Layout

    @cached_property
    def models(self) -> list[str]:
        """All whose samples are judged, as they are listed."""
        return self.config["generation"]["models"]

    @cached_property
    def trained(self) -> list[str]:
        """Those that are sampled here."""
        return [name for name in self.models if self.config["models"][name]["kind"] == "generator"]

    @cached_property
    def external(self) -> list[str]:
        """Those whose samples are a user's files."""
        return [name for name in self.models if self.config["models"][name]["kind"] == "external"]

    @cached_property
    def sweeps(self) -> dict[str, list[sweeps.Member]]:
        """Members of each sweep."""
        return {name: sweeps.members(self.config, name) for name in self.config["generation"]["sweeps"]}

    def trained_as(self, model: str) -> str:
        """The model whose training a model is sampled from: another of sweeps of sampling, and snapshots."""
        return self.config["models"][model].get("trained_as", model)

    def weights(self, dataset: str, model: str, seed: str, file: str = WEIGHTS) -> str:
        """A file of the weights that a model is sampled with, see `Layout.training`."""
        share, trained = self.config["models"][model].get(snapshots.SHARE), self.trained_as(model)
        if share is None:
            return self.layout.training(dataset, trained, seed, file)
        return self.layout.snapshot(dataset, trained, seed, share, file)

    @cached_property
    def snapshots(self) -> list[str]:
        """Models as they were after a part of their training, which are none of `models`."""
        return [name for name, entry in self.config["models"].items() if snapshots.SHARE in entry]

    @cached_property
    def kept_of(self) -> list[str]:
        """Those of `models` that they are snapshots of."""
        return list(dict.fromkeys(map(self.trained_as, self.snapshots)))

    @cached_property
    def shares(self) -> list[float]:
        """After which shares of the trainings."""
        return self.config["generation"]["snapshots"] if self.snapshots else []

    @cached_property
    def trainings(self) -> list[Set]:
        """All trainings of generators."""
        return [each for each in self._weights if not is_given(self.config["models"][each.model])]

    @cached_property
    def adopted(self) -> list[Set]:
        """Generators whose weights are given; the seeds are of their samples alone."""
        return [each for each in self._weights if is_given(self.config["models"][each.model])]

    @cached_property
    def _weights(self) -> list[Set]:
        return self._sets(dict.fromkeys(map(self.trained_as, self.trained)))

    @cached_property
    def generated(self) -> list[Set]:
        """The models' sets of samples."""
        return self._sets(self.models)

    @cached_property
    def whole(self) -> list[Set]:
        """Those that are sampled here, each with the weights of a whole training."""
        return [each for each in self.generated if each.model in self.trained]

    @cached_property
    def sampled(self) -> list[Set]:
        """All that is sampled here, snapshots last."""
        return [*self.whole, *self._sets(self.snapshots)]

    @cached_property
    def learnt(self) -> list[dict[str, Any]]:
        """The trainings that are looked at on their way, see `tutti.benchmark.samples.learning.table`."""
        named = {column.table for column in tables.declared().tables["learning"].columns}
        kept = [each for each in self.trainings if each.model in self.kept_of and named & {*self.tables}]
        entries = {name: self.config["models"][name] for name in self.snapshots}
        return [
            {
                **each._asdict(),
                "record": self.layout.training(each.dataset, each.model, str(each.seed), "train.json"),
                "snapshots": {
                    str(entry[snapshots.SHARE]): name
                    for name, entry in entries.items()
                    if entry["trained_as"] == each.model
                },
            }
            for each in kept
        ]

    @cached_property
    def has_whole(self) -> bool:
        """Whether all of the data are judged as a set of their own."""
        return WHOLE in self.config["evaluation"]["controls"]

    @cached_property
    def judged(self) -> list[Set]:
        """All sets that pass the checks and are measured; without models, if all of the data are one."""
        controls = self.config["evaluation"]["controls"]
        sets = [*self.models, *controls, *self.snapshots]
        return self._sets(sets) if self.models or self.has_whole else []

    @cached_property
    def tables(self) -> list[str]:
        """Tables of judged samples that are made."""
        wanted = self.config["evaluation"]["tables"] if self.judged else []
        return [name for name in wanted if tables.declared().tables[name].of == "samples"]

    @cached_property
    def completing(self) -> list[Set]:
        """Sets of the generators that can complete, if that is asked for."""
        if "completion" not in self.config["evaluation"]["tables"]:
            return []
        return [each for each in self.whole if self._completes(each.model)]

    @cached_property
    def timed(self) -> list[Set]:
        """Sets of the generators whose speed is measured."""
        return self.whole if "throughput" in self.config["evaluation"]["tables"] else []

    @cached_property
    def assigners(self) -> list[str]:
        """Who finds the bonds."""
        return self.config["bonds"]["assigners"]

    @cached_property
    def checks(self) -> dict[str, dict[str, Any]]:
        """Limits of the checks that the tables need, by name."""
        limits = self.config["evaluation"]["checks"]
        return {
            name: asdict(tables.declared().checks[name]) | limits.get(name, {})
            for name in tables.checks_of(self.tables)
        }

    @cached_property
    def checks_of_reference(self) -> dict[str, dict[str, Any]]:
        """Limits of those that training molecules pass, too, which samples are compared with."""
        limits = {name: tables.Check(**each) for name, each in self.checks.items()}
        return {name: asdict(each.for_reference) for name, each in limits.items() if each.reference}

    def checks_of(self, model: str) -> dict[str, dict[str, Any]]:
        """Limits of the checks of a set."""
        return self.checks | (self.checks_of_reference if model == REFERENCE else {})

    @cached_property
    def parts(self) -> list[str]:
        """Endings of the folders that a set is judged in: one that is empty, or a part's number."""
        n = self.config["bonds"]["parts"]
        return [""] if n == 1 else [f"-part{i}of{n}" for i in range(1, n + 1)]

    @cached_property
    def needs_reference(self) -> bool:
        """Whether a table compares the samples with the training molecules; the data are not, if they may."""
        needs = {tables.declared().tables[name].reference for name in self.tables}
        return "required" in needs or ("optional" in needs and bool(self.models))

    def threads(self, cores: int) -> int:
        """Threads of a job that judges: the sets and their parts are what runs side by side."""
        references = len(self.config["generation"]["datasets"]) if self.needs_reference else 0
        jobs = (len(self.judged) + references) * len(self.parts)
        return max(1, cores // max(1, jobs))

    def to_judge(self, dataset: str, model: str) -> dict[str, list[str] | str]:
        """What a set is read from: a user's files, what was sampled, or for controls the dataset."""
        if model in tables.declared().controls:
            return {"dataset": self.layout.dataset(dataset), "splits": self.layout.splits(dataset)}
        if model in self.external:
            return {"files": local_files(self.config["models"][model]["path"])}
        suffixes = (".extxyz", ".json")
        return {"files": [self.layout.samples("{dataset}", "{model}", "{seed}", each) for each in suffixes]}

    def source(self, model: str) -> dict[str, Any]:
        """How that becomes a set: a path of the user's, or which control, of which part, of how many."""
        if model in self.external:
            return {"path": self.config["models"][model]["path"]}
        if model in tables.declared().controls:
            part = tables.declared().controls[model].part
            return {"name": model, "part": part, "n": self.config["generation"]["samples"]}
        return {}

    def files(self, *, checks: bool) -> list[str]:
        """Names of the files in the folder of a judged set."""
        return judged_names(self._found_by(checks))

    def folders(self, dataset: str, model: str, seed: object) -> list[str]:
        """Folders of a judged set, one for each part."""
        return [self.layout.judged_folder(dataset, model, str(seed), part) for part in self.parts]

    def judged_files(self, dataset: str, model: str, seed: object) -> list[str]:
        """Everything that was found out about a set."""
        checks = (dataset, model, int(seed)) in self.judged
        return judged_in(self.folders(dataset, model, seed), self._found_by(checks))

    def looked_at(self) -> list[dict[str, Any]]:
        """What the page reads of every set whose molecules it shows, see `tutti.benchmark.samples.judged`."""
        found = {"assigners": self.assigners, "checks": list(self.checks)}
        shown = [each for each in self.judged if each.model not in self.snapshots]
        return [{**each._asdict(), "folders": self.folders(*each), **found} for each in shown]

    def reference_folders(self, dataset: str) -> list[str]:
        """Folders of the training molecules that samples are compared with; none where no table does."""
        return self.folders(dataset, REFERENCE, 0) if self.needs_reference else []

    def reference_files(self, dataset: str) -> list[str]:
        """Everything that the samples are compared with of the training molecules."""
        return judged_in(self.reference_folders(dataset), self._found_by(checks=False))

    def measures(self) -> dict[str, str]:
        """Function of each table of a set of samples."""
        return {name: tables.declared().tables[name].function for name in self.tables}

    def modules_to_judge(self, *, checks: bool) -> list[str]:
        """Modules that judging loads by name."""
        return [
            *(f"chemistry.bonds.{name}" for name in self.assigners),
            *(f"benchmark.metrics.{name}" for name in (self.checks if checks else self.checks_of_reference)),
        ]

    @cached_property
    def modules_to_measure(self) -> list[str]:
        """Modules that measuring loads by name."""
        return [functions.module_of(function) for function in self.measures().values()]

    def measured_files(self) -> Iterator[str]:
        """Rows of all sets of samples and of what was timed or completed."""
        yield from (self.layout.measured(d, m, str(s)) for d, m, s in (self.judged if self.tables else ()))
        yield from (self.layout.measured(d, m, str(s), "-completion") for d, m, s in self.completing)
        yield from (self.layout.measured(d, m, str(s), "-speed") for d, m, s in self.timed)

    def _found_by(self, checks: bool) -> list[str]:
        return [*self.assigners, *(self.checks if checks else self.checks_of_reference)]

    def _completes(self, model: str) -> bool:
        return "COMPLETES" in registry.exports("generators", self.config["models"][model]["module"])

    def _sets(self, models: Iterable[str]) -> list[Set]:
        """The sets of `models` on every dataset; only what is trained has several seeds."""
        return [
            Set(dataset, model, seed)
            for dataset in self.config["generation"]["datasets"]
            for model in models
            for seed in (self.config["seeds"] if self._is_trained(model) else [0])
        ]

    def _is_trained(self, model: str) -> bool:
        return self.config["models"].get(model, {}).get("kind") == "generator"
