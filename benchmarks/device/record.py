"""The results of one part of a run, in a file that is complete JSON at any time."""

import gc
import json
import math
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from device.clock import OutOfTime, limit
from tutti.core.files import write_text
from tutti.core.logs import announce
from tutti.core.timing import synchronise


class BrokenDevice(RuntimeError):
    """The device refuses all further work: only a new process can go on."""


class Part:
    """Tasks by name, each of them in one of `results`, `failed`, `skipped` and `pending`.

    Attributes:
        content: what the file holds.
    """

    def __init__(self, path: Path, tasks: Iterable[str], device: torch.device, facts: dict) -> None:
        """A part that an earlier process of the same run began goes on where it was."""
        self.path, self.device = path, device
        self.content = {
            **facts,
            "results": {},
            "failed": {},
            "skipped": [],
            "pending": list(tasks),
            "seconds": 0.0,
        }
        if path.exists():
            self.content |= json.loads(path.read_text(encoding="utf-8"))
        self.began = time.time() - self.content["seconds"]
        self.write()

    def attempt(self, task: str, work: Callable[[], dict], end: float) -> dict | None:
        """Do a task unless it is done, until `end` at the latest; its result, or None without one.

        Raises:
            BrokenDevice: when the task failed and took the device with it.
        """
        if task not in self.content["pending"]:
            return self.content["results"].get(task)
        started, failed = time.time(), False
        try:
            with limit(end):
                result = work()
            self.content["results"][task] = {**result, "task_seconds": time.time() - started}
        except OutOfTime:
            self.content["skipped"].append(task)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            self.content["failed"][task] = _described(error)
            failed = True
        self.content["pending"].remove(task)
        self.write()
        announce(f"{self.path.stem}: {task}: {self._outcome(task)}, {time.time() - started:.1f} s")
        if failed and not _works(self.device):
            raise BrokenDevice(task)
        _free(self.device)
        return self.content["results"].get(task)

    def skip(self, task: str) -> None:
        """Leave a task out that is still to come."""
        if task in self.content["pending"]:
            self.content["pending"].remove(task)
            self.content["skipped"].append(task)
            self.write()

    def write(self) -> None:
        """Bring the file up to date."""
        self.content["seconds"] = time.time() - self.began
        write_text(self.path, json.dumps(_plain(self.content), indent=1, allow_nan=False) + "\n")

    @property
    def sound(self) -> bool:
        """Whether nothing failed: no task, and no check within one."""
        results = self.content["results"].values()
        return not self.content["failed"] and all(result.get("passed", True) for result in results)

    def _outcome(self, task: str) -> str:
        if task in self.content["results"]:
            return "done" if self.content["results"][task].get("passed", True) else "NOT PASSED"
        return "FAILED" if task in self.content["failed"] else "no time"


def _plain(value: object) -> object:
    """The same with numbers that JSON has not, NaN and infinity, as text."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _described(error: Exception) -> str:
    """The last line of the traceback, and where it was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    last = traceback.format_exception_only(error)[-1].strip()
    return f"{last} ({Path(frame.filename).name}:{frame.lineno})"


def _works(device: torch.device) -> bool:
    """Whether the device still computes; after some errors CUDA refuses everything."""
    try:
        _free(device)
        torch.ones(1, device=device).sum().item()
        synchronise(device)
    except RuntimeError:
        return False
    return True


def _free(device: torch.device) -> None:
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
