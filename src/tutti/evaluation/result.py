"""What an evaluation gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from tutti.benchmark.samples.judged import Judged
from tutti.evaluation import rows


@dataclass(frozen=True)
class Evaluation:
    """Judged samples in numbers.

    Attributes:
        tables: tidy tables by name (`validity`, ..., see `tutti.benchmark.tables`), one row per number:
            `model`, `dataset`, `metric`, `subset` (the assigner, an element, ...), `value`, its 95 %
            interval `ci_low` to `ci_high`, `n`, `unit`, ... Models are the sets of samples and the controls.
        judged: the sets of samples by name.
        skipped: what was left out because a library is missing, and how to get it; one line each.
        report: the page; None where nothing was written.
    """

    tables: Mapping[str, pd.DataFrame]
    judged: Mapping[str, Judged] = field(repr=False)
    skipped: tuple[str, ...] = ()
    report: Path | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the sets of samples."""
        return tuple(self.judged)

    @cached_property
    def molecules(self) -> pd.DataFrame:
        """One row per sample and assigner, in input order, made when it is first asked for.

        `model`, `sample`, `id`, `file`, `frame`, `assigner`, `valid`, `reason`, `smiles`, what the checks
        found, ...
        """
        return rows.whole(self.judged)
