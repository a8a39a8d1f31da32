"""Samples with all that has been found out about each of them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa

from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.tables import MAIN
from tutti.core import parquet
from tutti.core.structures import Structures

SAMPLES = "samples.npz"
"""File of the samples in the folder of a judged set."""
PART = 10_000
"""Rows that the hash is updated with at a time."""


@dataclass(frozen=True)
class Judged:
    """N samples.

    Attributes:
        structures: the samples.
        verdicts: by assigner, N rows each (see `tutti.chemistry.bonds.pool.assign_all`).
        checks: by check, N rows each (see `tutti.benchmark.tables.Check`).
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
    def finished(self) -> np.ndarray:
        """[N] bool: samples that the model finished, of at least two atoms with finite positions.

        The authors of G-SphereNet throw the rest away and draw again. Samples that do not say are finished.
        """
        of = self.structures
        said = of.columns.get("finished", np.ones(len(of), dtype=bool))
        return said & (of.n_atoms > 1) & of.finite

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the samples and of everything found out about them but how long it took."""
        digest = hashlib.sha256(self.structures.digest.encode())
        for name, frame in [*self.verdicts.items(), *self.checks.items()]:
            digest.update(name.encode())
            kept = frame.drop(columns="seconds")
            for start in range(0, max(len(kept), 1), PART):  # a copy of all would take much memory
                table = parquet.table_of(kept.iloc[start : start + PART]).combine_chunks()
                with pa.BufferOutputStream() as stream:
                    with pa.ipc.new_stream(stream, table.schema) as writer:
                        writer.write_table(table)
                    digest.update(stream.getvalue())
        return digest.hexdigest()

    @classmethod
    def read(
        cls, folders: Sequence[str | Path], assigners: Sequence[str], checks: Sequence[str] = ()
    ) -> Self:
        """The set whose parts `tutti.benchmark.samples.judge.write` wrote into `folders`, in their order."""
        folders = [Path(folder) for folder in folders]

        def frames(names: Sequence[str]) -> dict[str, pd.DataFrame]:
            return {name: parquet.read([folder / f"{name}.parquet" for folder in folders]) for name in names}

        structures = [Structures.load(folder / SAMPLES) for folder in folders]
        whole = structures[0] if len(structures) == 1 else Structures.concatenate(structures)
        return cls(whole, frames(assigners), frames(checks))
