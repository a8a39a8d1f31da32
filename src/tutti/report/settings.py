"""What the results of two runs were made with, and where that differs."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutti.core import sums
from tutti.core.seals import DamagedFile
from tutti.core.tidy import MISSING
from tutti.io.text import FormatError
from tutti.report import records
from tutti.report.page import unpacked

EVALUATION = "evaluation.json"
PAGE = "report/index.html"
RECORDS = (
    EVALUATION,
    "data/*.splits.json",
    "train/*/*/*/train.json",
    "calculators/*/*/*/config.json",
    "samples/*/*/*.json",
)
MEASURED = re.compile(
    r"(^|\.)(seconds|peak_memory|best_|leakage|log_sha256|samples_sha256|unfinished|non_finite|unreadable)"
)
NOT_SETTINGS = ("files", "inputs_sha256", "inputs")
DECISIVE = re.compile(
    r"(.*\.)?(dataset_digest|dataset|datasets|splits|train|valid|test|reference|reference\.digest|assigners"
    r"|charge where none is said|samples|n|molecules in costly checks|molecules|left out)|version of .*"
)
"""Settings that decide whether numbers can be compared at all: they are told first."""
VERSION = "version of "
SHORT = 100  # characters of a value


@dataclass(frozen=True)
class Settings:
    """What the records of a folder say.

    Attributes:
        records: contents of its JSON files that are no results, by name in the folder.
        page: configuration, versions and machine, as its page holds them; empty without a page.
    """

    records: dict[str, dict[str, Any]]
    page: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> "Settings":
        """Read the records and the page of a folder.

        Raises:
            FormatError: for a file that is damaged, or no JSON object.
        """
        files = [file for pattern in RECORDS for file in sorted(path.glob(pattern))]
        found = {file.relative_to(path).as_posix(): _record(file) for file in files}
        page = path / PAGE
        return cls(found, _of_page(page, path) if page.is_file() else {})

    def data(self) -> dict[str, str]:
        """What identifies the data of the run, by the dataset's name in its tables.

        For an evaluation that is its reference, under the only name that there is: empty.
        """
        if EVALUATION in self.records:
            reference = self.records[EVALUATION].get("judged", {}).get("reference", {})
            return {"": reference.get("digest", "none")}
        parts = ("dataset_digest", "train", "valid", "test")
        splits = {name: each for name, each in self.records.items() if name.endswith(".splits.json")}
        return {
            Path(name).name.removesuffix(".splits.json"): _digest([each.get(part) for part in parts])
            for name, each in splits.items()
        }

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the libraries that it was made with, as far as its page holds them."""
        return {key: text for key, text in self.page.items() if key.startswith(VERSION)}

    def values(self, renamed: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Settings as text, by file and dotted name; `renamed` models bear their new name."""
        found = {name: dict(_texts(record, renamed)) for name, record in self.records.items()}
        configuration = {key: text for key, text in self.page.items() if key not in self.versions}
        return {"versions": self.versions, "configuration": configuration, **found}


def differences(
    first: Settings, second: Settings, first_names: Mapping[str, str], second_names: Mapping[str, str]
) -> list[tuple[str, str, str, bool]]:
    """(setting, first, second, whether it decides what can be compared) of all that differs.

    Args:
        first: of the one run.
        second: of the other one.
        first_names: what its models are called where the two are compared.
        second_names: the same of the second one.
    """
    one, other = first.values(first_names), second.values(second_names)
    rows = []
    for file in dict.fromkeys([*one, *other]):
        if not (one.get(file) and other.get(file)):
            if one.get(file) or other.get(file):
                there = ["recorded" if each.get(file) else "not recorded" for each in (one, other)]
                rows.append((file, *there, file in ("versions", EVALUATION)))
            continue
        for key in dict.fromkeys([*one[file], *other[file]]):
            texts = [each[file].get(key, MISSING) for each in (one, other)]
            if texts[0] != texts[1]:
                named = key if file in ("versions", "configuration") else f"{file}: {key}"
                rows.append((named, *texts, bool(DECISIVE.fullmatch(key))))
    return rows


def _record(path: Path) -> dict[str, Any]:
    try:
        return records.read(path)
    except DamagedFile as error:
        raise FormatError(str(path), "a JSON object as it was written", f"this: {error.wrong}") from None


def _texts(record: Mapping[str, Any], renamed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(dotted name, text) of all that is a setting; long lists are told by their digest."""
    judged = {renamed.get(name, name): each for name, each in record.get("judged", {}).items()}
    for key, value in records.leaves({**record, **({"judged": judged} if judged else {})}):
        if key not in NOT_SETTINGS and not MEASURED.search(key):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            long = (
                f"{len(value):,} entries, SHA-256 {_digest(value)[:12]}…" if isinstance(value, list) else text
            )
            yield key, text if len(text) <= SHORT else long


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _of_page(page: Path, folder: Path) -> dict[str, str]:
    """Configuration, versions and machine, which `tutti.report.build` packs into the page."""
    try:
        sums.check(page, folder)
    except DamagedFile as error:
        raise FormatError(str(page), "a page as it was written", f"this: {error.wrong}") from None
    made_with = unpacked(page.read_text(encoding="utf-8")).get("made_with", {})
    flat = dict(_texts(made_with.get("configuration", {}), {}))
    return {
        **{key: each for key, each in flat.items() if not key.startswith("evaluate")},
        **{f"{VERSION}{name}": each for name, each in made_with.get("versions", {}).items()},
        **{f"page made with: {name}": each for name, each in made_with.get("machine", {}).items()},
    }
