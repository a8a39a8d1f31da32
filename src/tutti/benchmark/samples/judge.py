"""Verdicts and checks of many samples, chunk by chunk, each chunk kept as soon as it is finished.

The one engine behind the workflow's `judge` and `tutti evaluate`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tutti.benchmark.samples.judged import SAMPLES, Judged
from tutti.benchmark.tables import MAIN, Check
from tutti.chemistry.bonds.pool import assign_all
from tutti.core import parquet, spool
from tutti.core.cache import Parts
from tutti.core.progress import Progress
from tutti.core.sources import fingerprint, sources
from tutti.core.structures import Structures
from tutti.core.versions import installed

CHUNK = 2000
"""Samples whose bonds are assigned between two saves: seconds of work."""
LIBRARIES = ("rdkit", "openbabel-wheel", "posebusters", "tblite")
"""Packages whose verdicts may differ from version to version."""
LISTS = dict.fromkeys(("ring_sizes", "bond_first", "bond_second"), parquet.lists(pa.int64()))
LISTS |= {"bond_order": parquet.lists(pa.float64())}
"""Types of the columns of lists: a chunk may have nothing but empty ones, which do not tell."""


@dataclass(frozen=True)
class Judge:
    """Judges sets of samples.

    Attributes:
        parts: where finished chunks are kept.
        jobs: number of worker processes.
        assigners: modules of `tutti.chemistry.bonds`.
        time_limit: s for the bonds of one sample.
    """

    parts: Parts
    jobs: int
    assigners: tuple[str, ...]
    time_limit: float = 20.0

    def judge(
        self,
        name: str,
        structures: Structures,
        checks: Mapping[str, Check],
        turns: np.ndarray | None = None,
    ) -> Judged:
        """All verdicts and checks.

        Args:
            name: of the set, for the progress bar.
            structures: N samples with their places in the whole set as column `index`.
            checks: limits by module of `tutti.benchmark.metrics`; they look at what `MAIN` finds valid among
                the first `molecules` of the whole set.
            turns: [N] int, the order in which `molecules` are counted; by default that of the whole set.
        """
        turns = structures.columns["index"] if turns is None else turns
        verdicts = {assigner: self._verdicts(name, structures, assigner) for assigner in self.assigners}
        checked = {
            check: self._checks(name, structures, _head(verdicts[MAIN], turns, limits), check, limits)
            for check, limits in checks.items()
        }
        return Judged(structures, verdicts, checked)

    def _verdicts(self, name: str, structures: Structures, assigner: str) -> pd.DataFrame:
        limit = self.time_limit

        def assign(rows: slice) -> pd.DataFrame:
            found = assign_all(structures[rows], assigner, self.jobs, limit, progress=False)
            return found.astype(LISTS)

        code = fingerprint(
            sources("chemistry.bonds.pool", f"chemistry.bonds.{assigner}"),
            [installed(LIBRARIES), sorted(f"{name} {of}" for name, of in LISTS.items())],
        )

        def key(rows: slice) -> list[object]:
            return [assigner, limit, code, structures[rows].digest]

        return self._by_chunks(f"{name}: bonds by {assigner}", len(structures), CHUNK, key, assign)

    def _checks(
        self, name: str, structures: Structures, verdicts: pd.DataFrame, check: str, limits: Check
    ) -> pd.DataFrame:
        module, limit = import_module(f"tutti.benchmark.metrics.{check}"), limits.time_limit

        def look(rows: slice) -> pd.DataFrame:
            return module.check_all(structures[rows], verdicts.iloc[rows], self.jobs, limit, progress=False)

        code = fingerprint(sources(f"benchmark.metrics.{check}"), installed(LIBRARIES))

        def key(rows: slice) -> list[object]:
            part = verdicts.iloc[rows]
            valid = part["smiles"].where(part["valid"]).fillna("").tolist()
            return [check, limit, code, valid, structures[rows].digest]

        return self._by_chunks(f"{name}: {check}", len(structures), limits.chunk, key, look)

    def _by_chunks(
        self,
        what: str,
        n: int,
        size: int,
        key: Callable[[slice], list[object]],
        judge: Callable[[slice], pd.DataFrame],
    ) -> pd.DataFrame:
        """Rows of all chunks; those of a chunk whose key is known are not judged again."""
        progress = Progress(what, n)

        def chunks() -> Iterator[pd.DataFrame]:
            for start in range(0, max(n, 1), size):  # without samples an empty frame
                rows = slice(start, min(start + size, n))
                yield self.parts.get(key(rows), partial(judge, rows))
                progress.update(rows.stop - rows.start)

        found = next(chunks()) if n <= size else spool.whole(chunks(), self.parts.folder)
        progress.close()
        return found


def write(judged: Judged, folder: Path) -> None:
    """Write a judged set into `folder`: samples.npz, and a Parquet file for each assigner and check."""
    judged.structures.save(folder / SAMPLES)
    for name, frame in [*judged.verdicts.items(), *judged.checks.items()]:
        parquet.write(frame, folder / f"{name}.parquet")


def _head(verdicts: pd.DataFrame, turns: np.ndarray, limits: Check) -> pd.DataFrame:
    """The verdicts, with samples other than those of the first turns counting as not valid.

    What checks only valid molecules then leaves them out.
    """
    if limits.molecules is None:
        return verdicts
    return verdicts.assign(valid=verdicts["valid"] & (turns < limits.molecules))
