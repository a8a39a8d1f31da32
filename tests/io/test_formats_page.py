"""docs/formats.md says what the readers do."""

import re
from pathlib import Path

import pytest

from tutti.core import json_text, memory, npz
from tutti.io import (
    SUFFIXES,
    FormatError,
    arrays,
    cif,
    label_units,
    plausibility,
    pt,
    read,
    refusals,
    text,
    writing,
)
from tutti.workflow import reading

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
INTRODUCTION, LABELS, IMPOSSIBLE, ARRAYS, REFUSED, LIMITS, WRITTEN = re.split(r"^## .*\n", PAGE, flags=re.M)


def column(section: str, index: int) -> list[str]:
    """What stands in backquotes in a column of the table of a section, line by line."""
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| ")]
    return [name for row in rows for name in re.findall("`([^`]+)`", row[index])]


@pytest.mark.parametrize(
    ("section", "index", "names"),
    [
        (INTRODUCTION, 0, SUFFIXES),
        (REFUSED, 0, refusals.REASONS),
        (ARRAYS, 2, {name for names in arrays.NAMES.values() for name in names}),
    ],
)
def test_the_tables_name_all_there_is(section, index, names):
    assert set(column(section, index)) == set(names)


def test_names_that_stop_the_reading(tmp_path):
    named = re.search(r"a number whose name says that it is one \((.*?)\)", LABELS, re.DOTALL)[1]
    energies = re.findall("`([^`]+)`", named)
    forces = re.findall("`([^`]+)`", re.search(r"something\s+else \((.*?);", LABELS, re.DOTALL)[1])
    assert len(energies) == 4 and len(forces) == 2
    for remark in (
        *(f"{name}=1" for name in energies),
        *(f"Properties=species:S:1:pos:R:3:{f}:R:3" for f in forces),
    ):
        (tmp_path / "x.xyz").write_text(f"1\n{remark}\nH 0 0 0{' 1 2 3' * ('pos' in remark)}\n")
        with pytest.raises(FormatError, match=r"keys: {"):
            read(tmp_path / "x.xyz")


def test_limits_of_what_can_be_right():
    assert f"up to {plausibility.STRUCTURES} structures" in IMPOSSIBLE
    assert "below {} or above {}".format(*plausibility.BONDED) in IMPOSSIBLE
    springs = label_units.SPRINGS.values()
    assert f"{min(springs):.0f} to {max(springs):.0f} eV/Å²" in IMPOSSIBLE and label_units.FAR_OFF == 3


def test_limits_of_memory_and_size():
    for value, shown in (
        (memory.LIMIT * memory.GIGABYTE, "| 2 GB (of 10^9 bytes)"),
        (text.LONGEST, "| a line of text | 10 MB |"),
        (text.BLANK, "| blank lines in a row | 1,000,000 |"),
        (text.SOUND, "a gzip file of 100 MB or more inflates"),
        (text.INFLATION, "at most 100 times its size"),
        (npz.MOST, "stored or deflated, at most 10,000 |"),
        (pt.MOST, "| lists in .pt | 100,000,000 numbers |"),
        (cif.MOST, "| .cif | 50,000 sites times"),
        (json_text.MOST, "| JSON | 100 MB,"),
        (reading.LARGEST, "| YAML | 10 MB,"),
        (reading.DEEPEST, " 50 levels,"),
        (reading.MOST_NODES, " 1,000,000 values with all aliases |"),
    ):
        assert shown in LIMITS
        number, unit = re.search(r"(\d[\d,]*)( [GM]B)?", shown).groups()
        assert value == int(number.replace(",", "")) * {" GB": 10**9, " MB": 10**6, None: 1}[unit]


def test_what_is_written():
    assert set(re.findall(r"`(\.[^`]+)`", WRITTEN)) == set(writing.SUFFIXES)
