"""docs/licences.md lists every dependency."""

import importlib.metadata
import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "licences.md"


def test_every_dependency_is_listed():
    listed = set(re.findall(r"[\w-]+", DOCUMENT.read_text(encoding="utf-8").lower()))
    needed = {re.split(r"[^\w.-]", entry)[0].lower() for entry in importlib.metadata.requires("tutti")}
    assert needed <= listed, f"missing in {DOCUMENT.name}: {sorted(needed - listed)}"
