"""The declarations of `tables.yaml`: every table, check, control, metric and figure of the benchmark, once.

The workflow plans by them, `tutti evaluate` makes what they say is possible, the page takes its sections and
its glossary from them, and tests what must not be rewarded. Importing this needs no science library.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from tutti.core.registry import from_dict

FILE = Path(__file__).with_name("tables.yaml")
MAIN = "xyz2mol"
"""The assigner whose valid molecules are measured: distributions, PoseBusters, geometry, strain."""
REFERENCE = "training_split"
"""The control that the samples are compared with."""
WHOLE = "whole_data"
"""The control that is all of the data."""
MOST_MODELS = 7
"""Figures of samples show the first so many models: there are no more colours that can be told apart."""
FOUND = ("not_valid", "repeated")
"""What molecules can be besides failing a check."""
ROUNDS = 5
"""Timed batches of each size when the speed is measured; one more, not timed, comes first."""

OF_FORCEFIELDS = ("forcefields", "predictions", "committees", "trajectories", "probes")
"""What tables of force fields are made of."""
FOLDERS = dict.fromkeys(("samples", "snapshots", "completions", "generators"), "samples")
FOLDERS |= dict.fromkeys(OF_FORCEFIELDS, "forcefields")
"""Where the function of a table lies that is made of something, unless `function` says otherwise."""


@dataclass(frozen=True)
class Topic:
    """A section of the page: its heading and what it is about."""

    title: str
    about: str = ""


@dataclass(frozen=True)
class Column:
    """One column of the page's first table.

    Attributes:
        heading: its words.
        table: that the number stands in.
        metric: which one.
        subset: of which; None: the first that the table has of the metric.
        published: metric that the papers' numbers are of, where it is another.
        shows: what a click looks for among the molecules: those "not_valid", "repeated" ones, or those that
            fail a check; empty: all of the model.
    """

    heading: str
    table: str
    metric: str
    subset: str | None = None
    published: str | None = None
    shows: str = ""


@dataclass(frozen=True)
class Overview:
    """One row per model, and what is said of it."""

    title: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Control:
    """Real molecules that are judged like a model's samples: of which part of the data, and what for."""

    part: Literal["train", "test", "all"]
    about: str


@dataclass(frozen=True)
class Check:
    """A module of `tutti.benchmark.metrics` whose `check_all` looks at every valid molecule.

    Attributes:
        molecules: so many samples of a set pass it in `tutti evaluate`; None: all.
        time_limit: s for one sample.
        chunk: samples that are kept together, when they are finished.
        reference: so many times as many training molecules pass it, too; 0: none.
    """

    molecules: int | None
    time_limit: float
    chunk: int
    reference: int = 0

    @property
    def for_reference(self) -> "Check":
        """The same for the training molecules that samples are compared with."""
        n = None if self.molecules is None else self.reference * self.molecules
        return replace(self, molecules=n)


@dataclass(frozen=True)
class Metric:
    """What metrics mean.

    Attributes:
        names: of metrics, or patterns (`*` stands for anything).
        text: what they are.
        better: which way.
        term: what the glossary calls them; by default the first name.
    """

    names: tuple[str, ...]
    text: str
    better: Literal["higher", "lower", "neither"]
    term: str | None = None

    def covers(self, metric: str) -> bool:
        """Whether it speaks of a metric."""
        return any(fnmatchcase(metric, pattern) for pattern in self.names)


@dataclass(frozen=True)
class Figure:
    """One kind of figure.

    Attributes:
        draw: a module of `tutti.figures` that exports `draw`, or `module.function`.
        caption: what it shows.
        of: what it is drawn from: a "table"; the table once for each of several "datasets" or "sweeps";
            judged "samples", or one set of them ("pictures"); "trainings"; "predictions", or those of all
            seeds ("committees"); "trajectories"; "probes" or "weights" of a force field; "fits" of signals.
        needs: what a dataset must have for it: "scans"; or its simulations a "reference", a "liquid" or ring
            polymers' "beads".
        topic: section of the page; by default that of its table.
    """

    draw: str
    caption: str
    of: Literal[
        "table", "datasets", "sweeps", "samples", "pictures", "trainings", "predictions", "committees",
        "trajectories", "probes", "weights", "fits",
    ] = "table"  # fmt: skip
    needs: Literal["scans", "reference", "liquid", "beads"] | None = None
    topic: str | None = None

    @property
    def function(self) -> str:
        """Import path of the function that draws it."""
        return f"tutti.figures.{self.draw if '.' in self.draw else f'{self.draw}.draw'}"


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        name: of its files.
        of: what a part of it is made from: judged "samples", or those of "snapshots" of trainings;
            "completions" of a generator; the "generators" or "forcefields" themselves; a force field's
            "predictions", those of all its seeds ("committees"), its "trajectories" or "probes"; "fits" of
            signals; or other "tables" of the run.
        title: heading on the page.
        topic: section of the page.
        function: import path of what makes its rows, of one part or of all that there is.
        finish: import path of what makes the table of the rows of all parts, and of the papers' names; empty:
            they are the table.
        verdicts: "all" assigners', or those of `MAIN`.
        assigners: so many at least.
        reference: whether the training molecules are needed.
        checks: that have to look at the samples first.
        columns: numbers of other tables that it holds.
        figures: drawn of it or with it, by name.
        metrics: what they mean.
    """

    name: str
    of: Literal[
        "samples", "snapshots", "completions", "generators", "forcefields", "predictions", "committees",
        "trajectories", "probes", "fits", "tables",
    ]  # fmt: skip
    title: str
    topic: str
    function: str = ""
    finish: str = ""
    verdicts: Literal["all", "main"] = "main"
    assigners: int = 1
    reference: Literal["no", "optional", "required"] = "no"
    checks: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    figures: dict[str, Figure] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()

    def lacks(self, assigners: Sequence[str], reference: bool) -> str:
        """What it needs and these assigners, with or without reference molecules, do not give; or empty."""
        if self.reference == "required" and not reference:
            return "molecules of a reference"
        if len(assigners) < self.assigners:
            return f"{self.assigners} assigners"
        return "" if self.verdicts == "all" or MAIN in assigners else f"the assigner '{MAIN}'"


@dataclass(frozen=True)
class Declarations:
    """Everything that `tables.yaml` says; `metrics` are those that several tables have."""

    topics: dict[str, Topic]
    overview: tuple[Overview, ...]
    controls: dict[str, Control]
    checks: dict[str, Check]
    tables: dict[str, Table]
    metrics: tuple[Metric, ...]
    figures: dict[str, Figure]

    def __post_init__(self) -> None:
        for name, table in self.tables.items():
            unknown = [check for check in table.checks if check not in self.checks]
            if table.topic not in self.topics or unknown:
                raise ValueError(
                    f"table {name}: its topic '{table.topic}' or checks {unknown} are not declared"
                )
        for column in (column for each in (*self.overview, *self.tables.values()) for column in each.columns):
            if column.table not in self.tables or column.shows not in ("", *FOUND, *self.checks):
                raise ValueError(f"column {column.heading}: {column.table} or {column.shows} is not declared")


@cache
def declared() -> Declarations:
    """What is declared.

    Raises:
        ConfigError: for a mistake in `tables.yaml`, with its place.
    """
    text = yaml.load(FILE.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for name, entry in text["tables"].items():
        entry["name"] = name
    found = from_dict(Declarations, text, FILE.name)
    return replace(found, tables={name: _complete(table) for name, table in found.tables.items()})


def _complete(table: Table) -> Table:
    """With the function that its place in the package gives, and the topic of its figures."""
    function = table.function or f"tutti.benchmark.{FOLDERS[table.of]}.{table.name}.table"
    figures = {name: replace(each, topic=each.topic or table.topic) for name, each in table.figures.items()}
    return replace(table, function=function, figures=figures)


def tables(*of: str) -> dict[str, Table]:
    """The tables that are made of one of these things, by name; all, without any."""
    return {name: table for name, table in declared().tables.items() if not of or table.of in of}


def table_of_figure(figure: str) -> str | None:
    """The table that a figure belongs to; None for those of models."""
    return next((name for name, table in declared().tables.items() if figure in table.figures), None)


def figures() -> dict[str, Figure]:
    """All figures by name, those of tables first."""
    of_tables = {name: each for table in declared().tables.values() for name, each in table.figures.items()}
    return of_tables | declared().figures


def checks_of(names: Iterable[str]) -> tuple[str, ...]:
    """The checks that these tables need."""
    needed = {check for name in names for check in declared().tables[name].checks}
    return tuple(check for check in declared().checks if check in needed)


def possible(assigners: Sequence[str], reference: bool) -> list[str]:
    """The tables of samples that these assigners, with or without reference molecules, give."""
    return [name for name, table in tables("samples").items() if not table.lacks(assigners, reference)]


def metrics() -> Iterator[Metric]:
    """What is said of metrics: first by the table that has them, then of those that several have."""
    for table in declared().tables.values():
        yield from table.metrics
    yield from declared().metrics


def better(metric: str) -> Literal["higher", "lower", "neither"]:
    """Which way a metric is better: as the first says that names it, or else the first whose pattern fits.

    Raises:
        KeyError: when nothing is declared of it.
    """
    named = [each for each in metrics() if metric in each.names]
    found = named or [each for each in metrics() if each.covers(metric)]
    if not found:
        raise KeyError(f"{metric}: say in {FILE.name} what it means and which way is better")
    return found[0].better
