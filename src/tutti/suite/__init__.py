"""The evaluation suite: one module per table, each a pure function of judged samples.

A module exports `table(samples, reference, *, model, dataset, seed) -> DataFrame` (tidy), where `samples` and
`reference` are `tutti.suite.judged.Judged`. The workflow and `tutti evaluate` run the same modules.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

MAIN = "xyz2mol"
"""The assigner whose valid molecules are measured: distributions, PoseBusters, geometry, strain."""


SPLITS = MappingProxyType({"training_split": "train", "test_split": "test"})
"""Controls that are a part of the dataset, and which."""

ADVERSARIES = MappingProxyType(
    {"copied_training": "train", "jittered": "test", "displaced_hydrogens": "test"}
)
"""Controls made of a part of the dataset (see `tutti.datasets.controls`), and of which."""


@dataclass(frozen=True)
class Family:
    """What a table is made from.

    Attributes:
        verdicts: "all" assigners', or those of `MAIN`.
        checks: modules of `tutti.metrics` whose `check_all` looks at every molecule first.
        reference: whether the training molecules are needed: "no", "optional" or "required".
    """

    verdicts: Literal["all", "main"] = "main"
    checks: tuple[str, ...] = ()
    reference: Literal["no", "optional", "required"] = "no"


FAMILIES: MappingProxyType[str, Family] = MappingProxyType(
    {
        "validity": Family(verdicts="all", reference="optional"),
        "reasons": Family(verdicts="all"),
        "against_n": Family(reference="optional"),
        "assigner_agreement": Family(verdicts="all"),
        "posebusters": Family(checks=("posebusters",)),
        "geometry_with_hydrogens": Family(checks=("geometry",)),
        "strain": Family(checks=("strain",)),
        "mmd_bond_length": Family(reference="required"),
        "mmd_bispectrum": Family(reference="required"),
        "jsd": Family(reference="required"),
    }
)
"""Families by the name of their module in this package, which is the name of their table too."""

CHECKS = tuple(dict.fromkeys(check for family in FAMILIES.values() for check in family.checks))
"""Per-molecule checks that any family needs."""


def checks_of(tables: Iterable[str]) -> tuple[str, ...]:
    """The per-molecule checks that these tables need; names that are no family need none."""
    needed = {check for name in tables if name in FAMILIES for check in FAMILIES[name].checks}
    return tuple(check for check in CHECKS if check in needed)


def lacks(name: str, assigners: Sequence[str], reference: bool) -> str:
    """What a family needs and does not have from these assigners, with or without reference molecules.

    Empty when it can be made; else "reference", or in words which assigners it needs.
    """
    family = FAMILIES[name]
    if family.reference == "required" and not reference:
        return "reference"
    if name == "assigner_agreement" and len(assigners) < 2:
        return "two assigners"
    return "" if family.verdicts == "all" or MAIN in assigners else f"the assigner '{MAIN}'"


def possible(assigners: Sequence[str], reference: bool) -> list[str]:
    """The families that these assigners, with or without reference molecules, give."""
    return [name for name in FAMILIES if not lacks(name, assigners, reference)]
