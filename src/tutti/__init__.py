"""Tutti: a reproducible benchmark of 3D-molecule generators and neural force fields."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`tutti.Calculator` is imported when it is first asked for: it brings torch and ASE."""
    if name == "Calculator":
        from tutti.forcefields.calculator import Calculator

        return Calculator
    raise AttributeError(f"module 'tutti' has no attribute '{name}'")
