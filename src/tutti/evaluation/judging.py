"""Verdicts and checks of many samples, chunk by chunk, each chunk kept as soon as it is finished."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import pandas as pd

from tutti.bonds.chunks import head
from tutti.bonds.pool import assign_all
from tutti.parts import Parts
from tutti.progress import Progress
from tutti.sources import fingerprint, sources
from tutti.structures import Structures
from tutti.suite import MAIN
from tutti.suite.judged import Judged

CHUNK = {"bonds": 2000, "geometry": 1000, "posebusters": 40, "strain": 40}
"""Samples judged between two saves: seconds of work."""
TIME_LIMIT = {"bonds": 20.0, "geometry": 20.0, "posebusters": 60.0, "strain": 60.0}
"""s for one sample."""
COSTLY = ("posebusters", "strain")


@dataclass(frozen=True)
class Judge:
    """Judges sets of samples.

    Attributes:
        parts: where finished chunks are kept.
        jobs: number of worker processes.
        assigners: modules of `tutti.bonds`.
    """

    parts: Parts
    jobs: int
    assigners: tuple[str, ...]

    def judge(self, name: str, structures: Structures, checks: tuple[str, ...], costly: int) -> Judged:
        """All verdicts and checks.

        Args:
            name: of the set, for the progress bar.
            structures: N samples with the column `index`, 0 ... N - 1.
            checks: modules of `tutti.metrics`; they look at what `MAIN` finds valid.
            costly: `COSTLY` checks look at the first so many samples only.
        """
        verdicts = {assigner: self._verdicts(name, structures, assigner) for assigner in self.assigners}
        checked = {}
        for check in checks:
            n = costly if check in COSTLY else len(structures)
            checked[check] = self._checks(name, structures, head(verdicts[MAIN], structures, n), check)
        return Judged(structures, verdicts, checked)

    def _verdicts(self, name: str, structures: Structures, assigner: str) -> pd.DataFrame:
        limit = TIME_LIMIT["bonds"]

        def assign(rows: slice) -> pd.DataFrame:
            return assign_all(structures[rows], assigner, self.jobs, limit, progress=False)

        code = fingerprint(sources("bonds.pool", f"bonds.{assigner}"), None)

        def key(rows: slice) -> list[object]:
            return [assigner, limit, code, structures[rows].digest]

        return self._by_chunks(f"{name}: bonds by {assigner}", len(structures), CHUNK["bonds"], key, assign)

    def _checks(self, name: str, structures: Structures, verdicts: pd.DataFrame, check: str) -> pd.DataFrame:
        module, limit = import_module(f"tutti.metrics.{check}"), TIME_LIMIT[check]

        def look(rows: slice) -> pd.DataFrame:
            return module.check_all(structures[rows], verdicts.iloc[rows], self.jobs, limit, progress=False)

        code = fingerprint(sources(f"metrics.{check}"), None)

        def key(rows: slice) -> list[object]:
            part = verdicts.iloc[rows]
            valid = part["smiles"].where(part["valid"]).fillna("").tolist()
            return [check, limit, code, valid, structures[rows].digest]

        return self._by_chunks(f"{name}: {check}", len(structures), CHUNK[check], key, look)

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
        done = []
        for start in range(0, n, size):
            rows = slice(start, min(start + size, n))
            done.append(self.parts.get(key(rows), partial(judge, rows)))
            progress.update(rows.stop - rows.start)
        progress.close()
        return pd.concat(done, ignore_index=True)
