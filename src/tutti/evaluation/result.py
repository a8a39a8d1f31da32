"""What an evaluation gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Evaluation:
    """Judged samples in numbers.

    Attributes:
        tables: tidy tables by name (`validity`, ..., see `tutti.benchmark.tables`), one row per number:
            `model`, `dataset`, `metric`, `subset` (the assigner, an element, ...), `value`, its 95 %
            interval `ci_low` to `ci_high`, `n`, `unit`, ... Models are the sets of samples and the controls.
        molecules: one row per sample and assigner, in input order: `model`, `id`, `file`, `frame`,
            `assigner`, `valid`, `reason`, `smiles`, what the checks found, ...
        models: names of the sets of samples.
        skipped: what was left out because a library is missing, and how to get it; one line each.
        report: the page; None where nothing was written.
    """

    tables: Mapping[str, pd.DataFrame]
    molecules: pd.DataFrame
    models: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    report: Path | None = None
