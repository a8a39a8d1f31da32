"""Samples with all that has been found out about each of them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

import pandas as pd

from tutti.metrics.bonded import Bonded
from tutti.structures import Structures
from tutti.suite import MAIN


@dataclass(frozen=True)
class Judged:
    """N samples.

    Attributes:
        structures: the samples.
        verdicts: by assigner, N rows each (see `tutti.bonds.pool.assign_all`).
        checks: by check, N rows each (see `tutti.suite.CHECKS`).
    """

    structures: Structures
    verdicts: Mapping[str, pd.DataFrame]
    checks: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @cached_property
    def bonded(self) -> Bonded:
        """The molecules that `MAIN` finds valid."""
        return Bonded.of(self.structures, self.verdicts[MAIN])

    @property
    def valid(self) -> pd.DataFrame:
        """Rows of the molecules that `MAIN` finds valid, in the order of `bonded`."""
        verdicts = self.verdicts[MAIN]
        return verdicts[verdicts["valid"]]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the samples and of everything found out about them but how long it took."""
        digest = hashlib.sha256(self.structures.digest.encode())
        for name, frame in [*self.verdicts.items(), *self.checks.items()]:
            digest.update(name.encode())
            digest.update(frame.drop(columns="seconds").to_json(orient="split").encode())
        return digest.hexdigest()

    @classmethod
    def read(
        cls,
        structures: str | Path,
        assigners: Sequence[str],
        verdicts: Sequence[str | Path],
        checks: Sequence[str] = (),
        checked: Sequence[str | Path] = (),
    ) -> Self:
        """From files: an .npz of structures, and a Parquet per assigner and per check."""
        return cls(
            Structures.load(structures),
            dict(zip(assigners, map(pd.read_parquet, verdicts), strict=True)),
            dict(zip(checks, map(pd.read_parquet, checked), strict=True)),
        )
