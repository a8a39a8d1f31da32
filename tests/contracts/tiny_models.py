"""The configurations that the contract tests are about."""

from pathlib import Path

import yaml

CATALOGUE = Path(__file__).resolve().parents[2] / "config/models.yaml"
MODELS = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))["models"]


def entry(name: str) -> dict:
    """The small model of a module in the catalogue."""
    assert f"{name}_tiny" in MODELS, f"add '{name}_tiny' to config/models.yaml for the contract tests"
    return MODELS[f"{name}_tiny"]


def variants(name: str) -> list[str]:
    """`<name>_tiny` and those with named options, `<name>_tiny_<option>`."""
    entry(name)
    return [each for each in MODELS if each == f"{name}_tiny" or each.startswith(f"{name}_tiny_")]
