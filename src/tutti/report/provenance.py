"""What a result was made with: package versions, hardware, commit. Nothing names a machine or a person."""

import importlib.metadata
import platform
import re
import subprocess
from pathlib import Path

from tutti.core.versions import installed

CODE = ("src", "scripts", "workflow", "config")  # folders that decide what a run does


def versions() -> dict[str, str]:
    """Installed versions of Python, of this package and of all it can use at run time, of what is there."""
    try:
        declared = importlib.metadata.requires("tutti") or []
    except importlib.metadata.PackageNotFoundError:  # the code runs without being installed
        declared = []
    requirements = [entry for entry in declared if 'extra == "dev"' not in entry]
    required = {re.split(r"[^\w.-]", entry, maxsplit=1)[0].lower() for entry in requirements}
    return {"python": platform.python_version()} | installed(["tutti", *sorted(required)])


def git_commit() -> str | None:
    """Commit of the checkout that this code runs from; None elsewhere.

    It ends in `-dirty` when tracked files differ from it, or when there are files in `CODE` that git does not
    track and does not ignore.
    """
    here = Path(__file__)
    try:
        # In somebody else's repository (an environment inside it, say) this file is not tracked.
        _git(here.parent, "ls-files", "--error-unmatch", here.name)
        commit = _git(here.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
        root = Path(_git(here.parent, "rev-parse", "--show-toplevel"))
        untracked = _git(root, "ls-files", "--others", "--exclude-standard", "--", *CODE)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return f"{commit}-dirty" if untracked and not commit.endswith("-dirty") else commit


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()
