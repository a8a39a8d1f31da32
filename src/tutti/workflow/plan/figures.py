"""Which figures are drawn, from which files, by which of the three jobs that draw."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

from tutti.benchmark import tables
from tutti.benchmark.tables import MAIN, MOST_MODELS, REFERENCE, Figure
from tutti.core import functions
from tutti.workflow.plan.forcefields import ForceFieldPlan
from tutti.workflow.plan.layout import Layout, judged_in
from tutti.workflow.plan.listed import REFERENCE as METHOD
from tutti.workflow.plan.samples import SamplePlan
from tutti.workflow.plan.signals import SignalPlan

GREY = {"strain": "test_split"}
"""Whose molecules the models' are drawn against, where it is not the training split."""
JOBS = {
    "tables": ("table", "datasets", "sweeps"),
    "samples": ("samples", "pictures"),
    "models": ("trainings", "predictions", "committees", "trajectories", "probes", "weights", "fits"),
}
"""What the figures of each job are drawn from."""


@dataclass(frozen=True)
class Drawing:
    """One figure of a run.

    Attributes:
        figure: its declared name.
        what: what tells it from others of that name; both make the file's name and the caption.
        arguments: of the function that draws it, as `tutti.figures.drawing` wants them.
        files: that it is drawn from.
        words: what stands in the braces of the declared caption.
    """

    figure: str
    what: tuple[str, ...]
    arguments: dict[str, Any]
    files: list[str] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)

    @property
    def declared(self) -> Figure:
        """The declaration."""
        return tables.figures()[self.figure]

    @property
    def name(self) -> str:
        """Of its files."""
        return "-".join([self.figure, *self.what])

    @property
    def caption(self) -> str:
        """What it shows, and of what."""
        caption = self.declared.caption.format(**self.words)
        return f"{caption.removesuffix('.')} ({', '.join(self.what)})." if self.what else caption


@dataclass(frozen=True)
class FigurePlan:
    """All figures of a run.

    Attributes:
        config: the whole configuration.
        layout: of the files.
        samples: what is planned of generators.
        forcefields: what is planned of force fields.
        signals: what is planned of signals on the sphere.
        tables: that are made.
    """

    config: Mapping[str, Any]
    layout: Layout
    samples: SamplePlan
    forcefields: ForceFieldPlan
    signals: SignalPlan
    tables: list[str]

    @cached_property
    def all(self) -> list[Drawing]:
        """Every figure."""
        return [drawing for name in tables.figures() for drawing in self._of(name)]

    def job(self, job: str) -> list[Drawing]:
        """The figures that one of `JOBS` draws."""
        return [drawing for drawing in self.all if drawing.declared.of in JOBS[job]]

    def files(self, job: str) -> list[str]:
        """What a job draws from."""
        return list(dict.fromkeys(path for drawing in self.job(job) for path in drawing.files))

    def outputs(self, job: str) -> list[str]:
        """What a job draws."""
        return [
            self.layout.figure(drawing.name, form) for drawing in self.job(job) for form in ("svg", "png")
        ]

    def requests(self, job: str) -> list[dict[str, Any]]:
        """What a job is told of each figure."""
        return [
            {
                "function": drawing.declared.function,
                "stem": self.layout.figure(drawing.name).removesuffix(".svg"),
                "places": self.places,
            }
            | drawing.arguments
            for drawing in self.job(job)
        ]

    @cached_property
    def places(self) -> dict[str, int]:
        """Place of each model, whose colour it has in all figures; none shows generators and force fields."""
        forcefields = dict.fromkeys(model for _, model in self.forcefields.pairs)
        kinds = (self.samples.models, forcefields)
        return {model: place for kind in kinds for place, model in enumerate(kind)}

    def modules(self, job: str) -> list[str]:
        """Modules that a job loads by name."""
        drawn_by = dict.fromkeys(drawing.declared.function for drawing in self.job(job))
        named = [functions.module_of(name) for name in drawn_by]
        return [f"figures.drawing.{job}", *named]

    def _of(self, name: str) -> Iterator[Drawing]:
        table = tables.table_of_figure(name)
        if table is not None and table not in self.tables:
            return
        kind = tables.figures()[name].of
        yield from getattr(self, f"_of_{kind}")(name, table)

    def _of_table(self, name: str, table: str) -> Iterator[Drawing]:
        path = self.layout.table(table)
        if name.startswith("signals_") and not self.signals.random_fits:
            return
        yield Drawing(name, (), {"table": path}, self._with_sums(path))

    def _of_datasets(self, name: str, table: str) -> Iterator[Drawing]:
        path = self.layout.table(table)
        drawn = self.samples.sampled if table == "learning" else self.forcefields.timed
        for dataset in dict.fromkeys(each.dataset for each in drawn):
            arguments = {"table": path, "dataset": dataset}
            yield Drawing(name, (dataset,), arguments, self._with_sums(path))

    def _of_sweeps(self, name: str, table: str) -> Iterator[Drawing]:
        path = self.layout.table(table)
        for sweep, members in self.samples.sweeps.items():
            values = {member.name: member.values for member in members}
            axes = {"axes": " and ".join(members[0].values)}
            for dataset in self.config["generation"]["datasets"]:
                arguments = {"table": path, "dataset": dataset, "further": {"values": values}}
                yield Drawing(name, (sweep, dataset), arguments, self._with_sums(path), axes)

    def _with_sums(self, table: str) -> list[str]:
        """A table and what it is compared with when it is read."""
        return [table, self.layout.sums("tables/")]

    def _of_samples(self, name: str, table: str) -> Iterator[Drawing]:
        if MAIN not in self.samples.assigners or not self.samples.models:
            return
        checks = list(tables.declared().tables[table].checks)
        shown = [GREY.get(name, REFERENCE), *self.samples.models[:MOST_MODELS]]
        for dataset in self.config["generation"]["datasets"]:
            folders = {model: self._first_folders(dataset, model) for model in shown}
            files = judged_in(chain.from_iterable(folders.values()), [MAIN, *checks])
            arguments = {"folders": folders, "assigner": MAIN, "checks": checks}
            yield Drawing(name, (dataset,), arguments, files)

    def _first_folders(self, dataset: str, model: str) -> list[str]:
        """Where a model's samples were judged; of several seeds the first."""
        seeds = [each.seed for each in self.samples.generated if each.model == model]
        return self.samples.folders(dataset, model, seeds[0] if seeds else 0)

    def _of_pictures(self, name: str, table: None) -> Iterator[Drawing]:
        swept = {member.name for members in self.samples.sweeps.values() for member in members}
        assigner = self.samples.assigners[0]
        for dataset, model, seed in self.samples.generated:
            if model not in swept:
                folders = self.samples.folders(dataset, model, seed)
                report = self.config["report"]
                further = {"n": report["pictures"], "seed": report["seed"]}
                arguments = {"folders": folders, "assigner": assigner, "checks": [], "further": further}
                files = judged_in(folders, [assigner])
                yield Drawing(name, (dataset, model, f"seed{seed}"), arguments, files)

    def _of_trainings(self, name: str, table: None) -> Iterator[Drawing]:
        """Of a model all seeds in one figure, of a sweep its trainings."""
        for dataset in self.config["generation"]["datasets"]:
            for model, curves in self._loss_curves().items():
                yield self._training(name, dataset, model, curves)
        seeds = self.config["seeds"]
        for dataset, model in self.forcefields.whole_trained:
            yield self._training(name, dataset, model, {f"seed {seed}": (model, seed) for seed in seeds})

    def _loss_curves(self) -> dict[str, dict[str, tuple[str, int]]]:
        """By model or sweep: (model, seed) of each curve by its label."""
        seeds = self.config["seeds"]
        swept = {
            name: list(dict.fromkeys(member.trained_as for member in members if member.trains))
            for name, members in self.samples.sweeps.items()
        }
        of_sweeps = {
            name: {model.removeprefix(f"{name}_"): (model, seeds[0]) for model in models}
            for name, models in swept.items()
            if models
        }
        others = dict.fromkeys(each.model for each in self.samples.trainings)
        return of_sweeps | {
            name: {f"seed {seed}": (name, seed) for seed in seeds}
            for name in others
            if not any(name in models for models in swept.values())
        }

    def _training(self, name: str, dataset: str, model: str, curves: dict[str, tuple[str, int]]) -> Drawing:
        names = ("log.csv", "train.json")
        found = {
            label: [self.layout.training(dataset, of, str(seed), each) for each in names]
            for label, (of, seed) in curves.items()
        }
        logs = {label: log for label, (log, _) in found.items()}
        return Drawing(name, (dataset, model), {"logs": logs}, list(chain.from_iterable(found.values())))

    def _of_predictions(self, name: str, table: str) -> Iterator[Drawing]:
        for dataset in self.forcefields.datasets:
            seeds = {m: self.forcefields.seeds(m)[0] for of, m in self.forcefields.whole if of == dataset}
            predictions = {
                m: self.layout.predictions(dataset, m, str(seed), "test") for m, seed in seeds.items()
            }
            data = {"dataset": self.layout.dataset(dataset), "splits": self.layout.splits(dataset)}
            targets = {model: self.forcefields.target(model) for model in seeds}
            arguments = {**data, "predictions": predictions, "further": {"targets": targets}}
            yield Drawing(name, (dataset,), arguments, [*data.values(), *predictions.values()])

    def _of_committees(self, name: str, table: str) -> Iterator[Drawing]:
        plan = self.forcefields
        for dataset in dict.fromkeys(dataset for dataset, _ in plan.committees):
            members = {
                model: plan.predictions(dataset, model) for of, model in plan.committees if of == dataset
            }
            data = {"dataset": self.layout.dataset(dataset), "splits": self.layout.splits(dataset)}
            files = [*data.values(), *chain.from_iterable(members.values())]
            yield Drawing(name, (dataset,), {**data, "committees": members}, files)

    def _of_probes(self, name: str, table: str) -> Iterator[Drawing]:
        plan, needs_scans = self.forcefields, tables.figures()[name].needs == "scans"
        for dataset in dict.fromkeys(dataset for dataset, _ in plan.energies):
            scans = plan.physics(dataset).get("scans", {})
            if needs_scans and not scans:
                continue
            probes = plan.probes(dataset)
            yield Drawing(name, (dataset,), {"probes": probes}, [*probes.values()])

    def _of_trajectories(self, name: str, table: str) -> Iterator[Drawing]:
        needs = tables.figures()[name].needs
        plan = self.forcefields
        for dataset in dict.fromkeys(dataset for dataset, _ in plan.moving):
            settings = plan.settings["dynamics"][dataset]
            has = {
                "reference": plan.has_reference(dataset),
                "beads": plan.has_rings(dataset),
                "liquid": settings.get("liquid", False),
            }
            if needs is None or has[needs]:
                moving = [model for of, model in plan.moving if of == dataset]
                models = {m: plan.trajectories(dataset, m, plan.seeds(m)[0]) for m in moving}
                reference = plan.trajectories(dataset, METHOD, 0)
                data = self.layout.dataset(dataset)
                files = [path for each in (*models.values(), reference) for path in each.values()]
                arguments = {"settings": settings, "models": models, "reference": reference, "dataset": data}
                yield Drawing(name, (dataset,), arguments, [data, *files])

    def _of_weights(self, name: str, table: None) -> Iterator[Drawing]:
        if name not in self.forcefields.settings["figures"]:
            return
        for dataset, model in self.forcefields.whole_networks:
            weights = self.layout.training(dataset, model, str(self.forcefields.seeds(model)[0]))
            data = {"dataset": self.layout.dataset(dataset), "splits": self.layout.splits(dataset)}
            yield Drawing(name, (dataset, model), {**data, "weights": weights}, [*data.values(), weights])

    def _of_fits(self, name: str, table: str) -> Iterator[Drawing]:
        if self.signals.octahedron_fits:
            fits = self.signals.octahedron_fits
            yield Drawing(name, (), {"fits": fits}, fits)
