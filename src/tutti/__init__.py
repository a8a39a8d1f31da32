"""Tutti: a reproducible benchmark of 3D-molecule generators and neural force fields."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """`tutti.Calculator` is imported when it is first asked for: it brings torch and ASE."""
    if name == "Calculator":
        # By name: no import statement, or the workflow would take it for something that every job needs.
        return import_module("tutti.models.forcefields.calculator").Calculator
    raise AttributeError(f"module 'tutti' has no attribute '{name}'")
