"""What was recorded of a run, read back; every file is compared with the SHA256SUMS beside it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from paper.record import FACTS, TRAININGS

from tutti.core import sums, tidy


@dataclass(frozen=True)
class Study:
    """A folder of docs/results/runs/."""

    folder: Path

    @property
    def recorded(self) -> bool:
        """Whether it is there."""
        return (self.folder / sums.NAME).is_file()

    def table(self, name: str) -> pd.DataFrame:
        """A tidy table.

        Raises:
            FileNotFoundError: when it was not taken.
            DamagedFile: when it is not what was taken.
        """
        return tidy.read(self._checked(f"{name}.csv"))

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tidy tables by name."""
        return {path.stem: tidy.read(path) for path in self.folder.glob("*.csv") if path.name != TRAININGS}

    @cached_property
    def trainings(self) -> pd.DataFrame:
        """One row per training, see `paper.record`; of weights that were given much may be unknown."""
        whole = dict.fromkeys(("steps", "batch_size"), "Int64")
        return pd.read_csv(self._checked(TRAININGS), dtype={"dataset": str, "model": str, **whole})

    @cached_property
    def facts(self) -> dict[str, Any]:
        """`machine`, `versions`, `structures` by dataset and part."""
        return yaml.safe_load(self._checked(FACTS).read_text(encoding="utf-8"))

    def figure(self, name: str) -> Path:
        """The file of a figure.

        Raises:
            FileNotFoundError: when it was not taken.
        """
        svg = self.folder / f"{name}.svg"
        return self._checked(svg.name if svg.is_file() else f"{name}.png")

    def _checked(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise FileNotFoundError(
                f"{path}: not taken from the run; name it in runs.yaml and record it again"
            )
        sums.check(path, self.folder)
        return path


def select(table: pd.DataFrame, **where: object) -> pd.DataFrame:
    """The rows whose columns have these values, each one value or a list of them, which orders the rows.

    Raises:
        ValueError: when there is none; the message says what the columns hold.
    """
    found = table
    for column, wanted in where.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        matching = found[found[column].isin(values)]
        if missing := set(values) - set(matching[column]):
            there = ", ".join(map(str, dict.fromkeys(found[column])))
            raise ValueError(f"no row has the {column} {', '.join(map(str, missing))}; there are {there}")
        found = matching.sort_values(column, key=lambda held, v=values: held.map(v.index), kind="stable")
    return found
