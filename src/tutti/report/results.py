"""The results of a run or of an evaluation, read back from its folder."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tutti.core import tidy
from tutti.core.registry import ConfigError
from tutti.core.seals import DamagedFile
from tutti.core.tidy import CONTROLS
from tutti.io.text import FormatError
from tutti.report.settings import EVALUATION, Settings

TABLES = "tables"
EXPECTED = (
    f"expected a folder with {TABLES}/*.csv: results/<run> of the workflow, or the --out of `tutti evaluate`"
)
REPEATED = ("paper_versus_here",)
"""Tables that show numbers of other tables once more."""


@dataclass(frozen=True)
class Results:
    """What a folder holds.

    Attributes:
        path: of the folder.
        tables: tidy, by name.
        settings: what it was made with.
        repeated: names of tables left out, as they show numbers of other tables once more.
    """

    path: Path
    tables: dict[str, pd.DataFrame]
    settings: Settings
    repeated: list[str]

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Read a folder.

        Raises:
            FileNotFoundError: when it does not exist.
            ConfigError: when it holds no tables; the message names a folder nearby that does.
            FormatError: for a table or record that is broken, with its line where that is known.
        """
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such folder; {EXPECTED}")
        files = sorted((path / TABLES).glob("*.csv"))
        if not files:
            raise ConfigError(f"{path} holds no results; {EXPECTED}{_suggestion(path)}")
        tables = {file.stem: _table(file) for file in files if file.stem not in REPEATED}
        repeated = [file.stem for file in files if file.stem in REPEATED]
        return cls(path, tables, Settings.read(path), repeated)

    @property
    def is_evaluation(self) -> bool:
        """Whether `tutti evaluate` made it."""
        return (self.path / EVALUATION).is_file()

    @property
    def models(self) -> list[str]:
        """Models in its tables, without the controls."""
        return [name for name in self._names("model") if name not in CONTROLS]

    @property
    def datasets(self) -> list[str]:
        """Datasets in its tables."""
        return self._names("dataset")

    def _names(self, column: str) -> list[str]:
        return list(dict.fromkeys(name for table in self.tables.values() for name in table[column]))


def _suggestion(path: Path) -> str:
    near = [folder for folder in _near(path) if any((folder / TABLES).glob("*.csv"))]
    return f"; did you mean {' or '.join(map(str, near[:5]))}?" if near else ""


def _near(path: Path) -> Iterator[Path]:
    """Folders one or two levels above, and those inside."""
    yield from list(path.resolve().parents)[:2]
    if path.is_dir():
        yield from sorted(child for child in path.iterdir() if child.is_dir())


def _table(path: Path) -> pd.DataFrame:
    try:
        return tidy.read(path)
    except DamagedFile as error:
        raise FormatError(str(path), "a table as it was written", f"this: {error.wrong}") from None
    except (ValueError, TypeError) as error:  # pandas' own errors are ValueErrors
        raise FormatError(f"{path}{_line(path)}", "a tidy table", f"this: {error}") from None


def _line(path: Path) -> str:
    """The first line that has too many or too few fields, or a number that is none."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        numbers = [i for i, name in enumerate(header) if name in (*tidy.NUMBERS, "n", "seed")]
        for row in rows:
            if len(row) != len(header):
                return f", line {rows.line_num}, {len(row)} fields under {len(header)} headings"
            for i in numbers:
                if row[i] and pd.isna(pd.to_numeric(row[i], errors="coerce")):
                    return f", line {rows.line_num}, column {header[i]}"
    return ""
