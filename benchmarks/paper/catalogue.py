"""docs/results/runs.yaml: which runs the pages quote, and what of them."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from tutti.core.registry import ConfigError, closest, from_dict

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/results"
CATALOGUE = FOLDER / "runs.yaml"
RUNS = FOLDER / "runs"


@dataclass(frozen=True)
class Entry:
    """What is taken of a run.

    Attributes:
        configuration: file of the study, relative to the repository.
        tables: names of those that are quoted.
        figures: names of those that are shown, without suffix.
        rows: by table, column and the values of the rows that are taken; all, of tables not named here.
    """

    configuration: str
    tables: tuple[str, ...]
    figures: tuple[str, ...] = ()
    rows: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Catalogue:
    """All of the file.

    Attributes:
        names: what models and controls are called on the pages, where that differs from their names in runs.
        runs: by the name of the study, which is that of the folder in results/ unless told otherwise.
    """

    names: dict[str, str]
    runs: dict[str, Entry]

    def entry(self, study: str) -> Entry:
        """What is taken of a study.

        Raises:
            ConfigError: when it is not in the file.
        """
        if study not in self.runs:
            raise ConfigError(f"{CATALOGUE.name} has no run {closest(study, self.runs)}; add it there first")
        return self.runs[study]


@cache
def catalogue() -> Catalogue:
    """What the file says.

    Raises:
        ConfigError: for a mistake in it, with its place.
    """
    return from_dict(Catalogue, yaml.safe_load(CATALOGUE.read_text(encoding="utf-8")), CATALOGUE.name)
