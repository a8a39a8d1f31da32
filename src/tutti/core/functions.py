"""Functions that are named by their import path, such as those that `tutti.benchmark.tables` declares."""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def load(path: str) -> Callable[..., Any]:
    """The function at an import path, `tutti.package.module.function`."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def module_of(path: str) -> str:
    """Its module, below `tutti`."""
    return path.rpartition(".")[0].removeprefix("tutti.")
