"""The folder of an evaluation: which of its files are ours; no other one is deleted or overwritten."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tutti.core import json_text
from tutti.core.files import write_text
from tutti.core.registry import ConfigError

RECORD = "evaluation.json"
"""What was judged, how, and the names of all files made of it."""
FORCE = "choose another --out, or give --force"


@dataclass(frozen=True)
class Folder:
    """A folder that holds at most one evaluation.

    Attributes:
        path: of it.
        inputs: what is judged; the folder may hold results of nothing else.
    """

    path: Path
    inputs: Sequence[Path]

    def claim(self, planned: Collection[str], force: bool) -> None:
        """Write down that `planned` are ours, before any of them is written.

        Args:
            planned: names relative to the folder.
            force: take the folder over: results of other inputs, and files of these names of any origin.

        Raises:
            ConfigError: when the folder holds results of other inputs, or one of the files is there and no
                evaluation has made it.
        """
        record = self._record()
        ours = set(record.get("files", ()))
        if not force:
            if record and record.get("inputs_sha256") != self._identity():
                held = ", ".join(record.get("inputs", ())) or "something else"
                raise ConfigError(f"{self.path} holds the results of {held}; {FORCE}", "--out")
            for name in sorted(set(planned) - ours):
                if (self.path / name).exists():
                    raise ConfigError(f"{self.path / name} was made by no evaluation; {FORCE}", "--out")
        self.write_record({}, ours | set(planned))

    def write_record(self, facts: Mapping[str, Any], files: Collection[str]) -> None:
        """Write the record: `facts`, and that these files are ours."""
        inputs = {"inputs": [path.name for path in self.inputs], "inputs_sha256": self._identity()}
        record = {**inputs, **facts, "files": sorted(files)}
        write_text(self.path / RECORD, json.dumps(record, indent=2) + "\n")

    def drop_others(self, kept: Collection[str]) -> None:
        """Delete what earlier evaluations have made, as their record says, and the last one has not."""
        for name in set(self._record().get("files", ())) - set(kept):
            path = self.path / name
            inside = not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
            if inside and path.is_file():
                path.unlink()

    def _record(self) -> dict[str, Any]:
        try:
            found = json_text.read(self.path / RECORD)
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) and "inputs_sha256" in found else {}

    def _identity(self) -> str:
        """Of the inputs: their places, which the record does not tell."""
        places = "\n".join(str(path.resolve()) for path in self.inputs)
        return hashlib.sha256(places.encode()).hexdigest()
