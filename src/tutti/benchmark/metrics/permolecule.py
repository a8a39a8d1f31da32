"""One expensive check on every valid sample, in killable workers: one row per sample."""

import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase

from tutti.chemistry.bonds import xyz2mol
from tutti.chemistry.bonds.assignment import Reason
from tutti.chemistry.bonds.pool import charge_of
from tutti.core.library_calls import LibraryError
from tutti.core.structures import Structures
from tutti.core.worker_pool import Crash, Timeout, map_killable
from tutti.statistics.estimate import table_of
from tutti.statistics.proportions import share

CHECKED = "checked valid molecules"
"""What the denominator of shares of checked samples counts."""


class Failure(StrEnum):
    """Why a check of a valid sample gave no result, or not all of it; `NONE` is the empty string."""

    NONE = ""
    LIBRARY_ERROR = "library_error"  # a library raised an exception
    UNDECIDED = "undecided"  # the library left a test open
    UNSUPPORTED_ELEMENT = "unsupported_element"
    SCF = "scf"  # the electrons did not converge
    RELAXATION = "relaxation"  # the atoms did not
    TIMEOUT = "timeout"
    CRASH = "crash"


def check_valid(
    check: Callable[[int], tuple],
    structures: Structures,
    verdicts: pd.DataFrame,
    columns: Mapping[str, str],
    *,
    jobs: int,
    time_limit: float,
    label: str | None,
) -> pd.DataFrame:
    """Apply `check` to the valid samples.

    Args:
        check: from the index of a sample to (reason, value of each of `columns`); None is a missing value.
            It must depend on the sample only: then the rows of parts of the samples, one after another, are
            those of all (but for `seconds`, and for samples near the time limit). A sample on which it raises
            `LibraryError` has the reason `library_error`.
        structures: N samples.
        verdicts: N rows, in the same order, with the columns `id` and `valid`.
        columns: names and pandas types of the values.
        jobs: number of worker processes.
        time_limit: s for one sample.
        label: of the progress on stderr, or None to show none.

    Returns:
        N rows: `id` (str), `checked` (bool: the sample is valid and so was handed to the check), `columns`
        (null where not checked or not known), `reason` (a `Failure`), `message` (what a library said that
        raised an exception), `seconds` (of wall time; the limit for a timeout, null for a crash and where not
        checked).

    Raises:
        ValueError: when structures and verdicts differ in length.
        ItemError: when `check` raised another exception.
    """
    if len(structures) != len(verdicts):
        raise ValueError(f"{len(structures)} structures but {len(verdicts)} verdicts")

    unknown = (None,) * len(columns)

    def timed(index: int) -> tuple:
        start, message = time.perf_counter(), ""
        with rdBase.BlockLogs():
            try:
                found = check(index)
            except LibraryError as error:
                found, message = (Failure.LIBRARY_ERROR, *unknown), str(error)
        return (*found, message, time.perf_counter() - start)

    checked = verdicts["valid"].to_numpy(bool)
    lost = {
        Timeout: (Failure.TIMEOUT, *unknown, "", time_limit),
        Crash: (Failure.CRASH, *unknown, "", np.nan),
    }
    rows = [(Failure.NONE, *unknown, "", np.nan)] * len(verdicts)
    valid = checked.nonzero()[0].tolist()
    for index, result in zip(valid, map_killable(timed, valid, jobs, time_limit, label), strict=True):
        rows[index] = lost.get(type(result), result)
    names = ["reason", *columns, "message", "seconds"]
    frame = pd.DataFrame(rows, columns=names, index=verdicts.index, dtype=object)
    frame = frame.astype({"reason": str, **columns, "message": str, "seconds": float})
    frame = frame.assign(id=verdicts["id"].astype(str), checked=checked)
    return frame[["id", "checked", *columns, "reason", "message", "seconds"]].reset_index(drop=True)


def molecule(structures: Structures, index: int) -> Chem.RWMol:
    """The molecule that xyz2mol sees in a sample that it found valid.

    Raises:
        ValueError: when xyz2mol does not find it valid: the verdicts are another assigner's or sample's.
        LibraryError: when RDKit fails.
    """
    mol = xyz2mol.molecule(*structures.frame(index), charge_of(structures, index))
    if isinstance(mol, Reason):
        raise ValueError(f"sample {index} is not valid by xyz2mol ({mol}); the verdicts say it is")
    return mol


def passing_table(
    frame: pd.DataFrame,
    groups: Mapping[tuple[str, str], Sequence[str]],
    *,
    model: str,
    dataset: str,
    seed: int,
) -> pd.DataFrame:
    """The tidy table of the shares of checked samples that pass tests, with 95 % Wilson intervals.

    A test without a result counts as not passed, or a generator would gain by molecules that cannot be
    judged; the note says how many there were, and why.

    Args:
        frame: what `check_valid` returns, with nullable truth values.
        groups: by metric and subset: the columns of the tests that must all be passed.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table.
    """
    checked = frame[frame["checked"]]
    rows = []
    for (metric, subset), tests in groups.items():
        results = checked[list(tests)].astype("boolean")
        passed = int(results.fillna(False).all(axis=1).sum())
        unsettled = failures(checked[results.isna().any(axis=1)])
        note = f"without a result, counted as not passed: {unsettled}" if unsettled else ""
        rows.append(share(metric, subset, passed, len(checked), CHECKED, note))
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def failures(frame: pd.DataFrame) -> str:
    """How many rows failed by each reason, in words (`2 scf, 1 timeout`), or empty."""
    counts = frame.loc[frame["reason"] != Failure.NONE, "reason"].value_counts()
    return ", ".join(f"{counts[reason]} {reason}" for reason in sorted(counts.index))
