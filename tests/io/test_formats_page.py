"""docs/formats.md says what the readers do."""

import re
from pathlib import Path

import pytest

from tutti.io import SUFFIXES, arrays, refusals, writing

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
INTRODUCTION, ARRAYS, REFUSED, WRITTEN = re.split(r"^## .*\n", PAGE, flags=re.M)


def column(text: str, index: int) -> list[str]:
    """What stands in backquotes in a column of the table of a section, line by line."""
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")]
    return [name for row in rows for name in re.findall("`([^`]+)`", row[index])]


@pytest.mark.parametrize(
    ("text", "index", "names"),
    [
        (INTRODUCTION, 0, SUFFIXES),
        (REFUSED, 0, refusals.REASONS),
        (ARRAYS, 2, {name for names in arrays.NAMES.values() for name in names}),
    ],
)
def test_the_tables_name_all_there_is(text, index, names):
    assert set(column(text, index)) == set(names)


def test_what_is_written():
    assert set(re.findall(r"`(\.[^`]+)`", WRITTEN)) == set(writing.SUFFIXES)
