"""Tutti: a reproducible benchmark of 3D-molecule generators and neural force fields.

tutti.evaluate("samples.xyz", reference="qm9").tables["validity"]
tutti.judge([ase.build.molecule("CH3CH2OH")])
tutti.judge(tutti.sample("symphony", 100))
atoms.calc = tutti.Calculator("painn_ethanol")
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "Calculator": "tutti.models.forcefields.calculator",
    "Evaluation": "tutti.evaluation.result",
    "evaluate": "tutti.evaluation.interface",
    "judge": "tutti.evaluation.interface",
    "sample": "tutti.models.generators.interface",
}


def __getattr__(name: str) -> Any:
    """What is imported when it is first asked for, because it brings torch, pandas and ASE."""
    # By name: no import statement, or the workflow would take it for something that every job needs. Type
    # checkers read __init__.pyi.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "__version__":
        return import_module("tutti.core.versions").own()
    raise AttributeError(f"module 'tutti' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, "__version__"])
