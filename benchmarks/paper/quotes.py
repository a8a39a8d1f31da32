"""What templates of pages may call: every number is of a recorded run, a log, or a paper."""

import re
from typing import Any

import pandas as pd
from paper import cells
from paper.catalogue import FOLDER, RUNS, catalogue
from paper.record import TRAININGS
from paper.study import Study

from tutti.benchmark.published import citations, of_dataset, slug
from tutti.core.files import short
from tutti.core.tidy import CONTROLS, MISSING

TRAINING_COLUMNS = {
    "steps": "{:,}",
    "batch_size": "{:,}",
    "epochs": "{:.3g}",
    "processor_seconds": "{:,.0f}",
    "wall_seconds": "{:,.0f}",
    "parameters": "{:,}",
    "best_loss": "{:.4g}",
    "weights_sha256": "{}",
}
"""How columns of trainings.csv are written."""


class Quotes:
    """The functions of a page.

    Args:
        logs: docs/results as the page's links have it.
        series: stands before the numbers of the page's figures.
    """

    def __init__(self, logs: str, series: str = "") -> None:
        self._logs, self._series = logs, series
        self._studies: dict[str, Study] = {}
        self._figures = 0

    def runs(self) -> list[str]:
        """All recorded runs, in the order of runs.yaml."""
        return [study for study in catalogue().runs if self.recorded(study)]

    def recorded(self, *studies: str) -> bool:
        """Whether all of these runs are recorded."""
        return all(self._study(study).recorded for study in studies)

    def value(
        self,
        study: str,
        table: str,
        column: str = "value",
        digits: int | None = None,
        interval: bool = False,
        **where: object,
    ) -> str:
        """One number of a table.

        Args:
            study: name of the run.
            table: of it.
            column: "value", "published", "n" or "note".
            digits: decimals of percent, significant digits of others.
            interval: whether the 95 % interval stands behind it.
            where: model, dataset, seed, metric, subset: as many as it takes to name one row.

        Raises:
            ValueError: for another column, or when there are several such rows, or none.
        """
        row = cells.one(self._study(study).table(table), **where)
        if column == "n":
            return f"{row.n:,}"
        if column == "note":
            return row.note
        if column == "published":
            return cells.text(row.published, row.unit, 2 if digits is None else digits)
        if column != "value":
            raise ValueError(f"no column '{column}'; there are value, published, n and note")
        return cells.cell(row, digits, interval=interval)

    def published(self, model: str, metric: str, subset: str, dataset: str = "qm9", digits: int = 2) -> str:
        """One number of published.csv, in the unit that runs have; models by their published names."""
        theirs = of_dataset(dataset)
        row = cells.one(theirs[theirs["model"].map(slug) == slug(model)], metric=metric, subset=subset)
        return cells.text(row.value, row.unit, digits)

    def overview(
        self,
        study: str,
        title: str = "Generators",
        columns: list[str] | None = None,
        models: list[str] | None = None,
    ) -> str:
        """The first table of the run's page, as far as its tables are recorded: a row for each model."""
        return cells.of_models(self._study(study).tables(), title, columns, models, self.name)

    def table(
        self,
        study: str,
        name: str,
        down: str = "model",
        across: str = "metric",
        digits: int | None = None,
        interval: bool = True,
        **where: object,
    ) -> str:
        """Rows of a table of the run, one for each `down`, with a column for each `across`.

        Args:
            study: name of the run.
            name: of the table.
            down: model, dataset, seed, metric or subset.
            across: another of these.
            digits: see `value`.
            interval: whether 95 % intervals are shown.
            where: which rows, each one value or a list.
        """
        rows = cells.select(self._study(study).table(name), **where)
        return cells.pivot(rows, down, across, digits, interval, self.name)

    def models(self, study: str, table: str) -> list[str]:
        """The models of a table of the run, without the controls."""
        found = self._study(study).table(table)["model"]
        return [model for model in dict.fromkeys(found) if model not in CONTROLS]

    def name(self, model: str) -> str:
        """What a model or control is called on the pages."""
        return catalogue().names.get(model, CONTROLS.get(model, model))

    def training(self, study: str, model: str, column: str, **where: object) -> str:
        """One number of a training: see `TRAINING_COLUMNS`."""
        row = cells.one(self._study(study).trainings, model=model, **where)
        return _written(column, getattr(row, column))

    def trained(self, study: str) -> bool:
        """Whether there are trainings in the run."""
        return (RUNS / study / TRAININGS).is_file()

    def trainings(self, study: str) -> str:
        """All trainings of the run: how long, how good, the hash of their weights."""
        columns = {
            "steps": "steps",
            "epochs": "epochs",
            "processor_seconds": "processor time, s",
            "parameters": "parameters",
            "best_loss": "best loss",
        }
        rows = [
            [
                row.dataset,
                _training(row),
                *(_written(column, getattr(row, column, None)) for column in columns),
                short(row.weights_sha256),
            ]
            for row in self._study(study).trainings.itertuples()
        ]
        return cells.lines(["dataset", "model", *columns.values(), "SHA-256 of the weights"], rows)

    def structures(self, study: str, dataset: str, *parts: str) -> str:
        """How many structures a dataset of the run has, or some of its parts (train, valid, test)."""
        sizes = self._study(study).facts["structures"][dataset]
        return f"{sum(sizes[part] for part in parts or sizes):,}"

    def machine(self, study: str) -> str:
        """What the run was made on and with."""
        facts = self._study(study).facts
        told, versions = facts["machine"], facts["versions"]
        gpu = "no GPU" if told["gpu"] == "none" else told["gpu"]
        commit = re.match(r"([0-9a-f]{12})[0-9a-f]{28}(-dirty)?$", told["commit"])
        code = f"commit `{commit[1]}{commit[2] or ''}`" if commit else f"tutti {versions['tutti']}"
        return (
            f"{told['cores']} cores of an {told['processor']}, {told['memory']}, {gpu}; "
            f"Python {versions['python']}, torch {versions['torch']}, RDKit {versions['rdkit']}; {code}"
        )

    def command(self, study: str) -> str:
        """What makes the run."""
        return f"snakemake --cores all --configfile {catalogue().entry(study).configuration}"

    def figure(self, study: str, caption: str, name: str | None = None) -> str:
        """A numbered figure of the run with its caption; without a name the first that is taken of it."""
        name = name or catalogue().entry(study).figures[0]
        place = self._study(study).figure(name).relative_to(FOLDER).as_posix()
        self._figures += 1
        number = f"{self._series}{self._figures}"
        return f"![{name} of {study}]({self._logs}/{place})\n\n**Figure {number}.** {caption}"

    def cited(self, number: str | float, key: str) -> str:
        """A number that a paper of citations.yaml has and published.csv has not, with a link to the paper."""
        paper = citations()[key]
        return f"{number} ([{paper['authors'].split(',')[0].split()[-1]} {paper['year']}]({paper['url']}))"

    def log(self, file: str, text: str) -> str:
        """A text that stands in one of the logs in docs/results/.

        Raises:
            ValueError: when it does not, as it is or inside a longer number.
        """
        words = re.sub(r"\s+", r"\\s+", re.escape(text).replace(r"\ ", " "))
        found = re.search(rf"(?<![\d.,]){words}(?![\d]|[.,]\d)", (FOLDER / file).read_text(encoding="utf-8"))
        if not found:
            raise ValueError(f"docs/results/{file} does not say '{text}'")
        return text

    def _study(self, name: str) -> Study:
        if name not in self._studies:
            catalogue().entry(name)  # refuses unknown names
            self._studies[name] = Study(RUNS / name)
        return self._studies[name]


def _training(row: Any) -> str:
    """Model and seed of a row of trainings, and where weights are from that were not trained in the run."""
    seed = f", seed {row.seed}" if row.seed else ""
    given = getattr(row, "given", None)
    return f"{row.model}{seed}" + ("" if pd.isna(given) else f" (weights of {given})")


def _written(column: str, value: object) -> str:
    return MISSING if pd.isna(value) else TRAINING_COLUMNS[column].format(value)
