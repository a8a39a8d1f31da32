"""What a result was made with: package versions, hardware, commit. Nothing names a machine or a person."""

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path

import torch

CODE = ("src", "scripts", "workflow", "config")  # folders that decide what a run does


def versions() -> dict[str, str]:
    """Installed versions of Python, of this package and of all it can use at run time."""
    requirements = [entry for entry in importlib.metadata.requires("tutti") if 'extra == "dev"' not in entry]
    required = {re.split(r"[^\w.-]", entry, maxsplit=1)[0].lower() for entry in requirements}
    found = {"python": platform.python_version(), "tutti": importlib.metadata.version("tutti")}
    for name in sorted(required):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # an extra that is not installed
            continue
    return found


def hardware() -> dict[str, str | int]:
    """Processor model, usable cores, memory, GPUs and operating system."""
    described = {
        "processor": _processor(),
        "cores": usable_cores(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
    }
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {**described, "gpu": ", ".join(gpus) or "none"}


def usable_cores() -> int:
    """Cores that this process may use, where the system tells (Linux), else all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        match = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), flags=re.MULTILINE)
        if match:
            return match[1]
    return platform.processor() or platform.machine()
