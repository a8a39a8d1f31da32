"""Bonds of many samples: one assigner over killable workers, one row per sample."""

import time

import numpy as np
import pandas as pd

from tutti.chemistry.bonds.assignment import Assignment, Bonds, Known, Reason
from tutti.core import registry
from tutti.core.structures import Structures
from tutti.core.worker_pool import Crash, Timeout, map_killable

# Columns of the verdicts after `id`, with their types; missing values are null.
COLUMNS = {
    "valid": bool,
    "reason": str,
    "message": str,
    "smiles": str,
    "published_smiles": str,
    "connected": "boolean",
    "neutral_atoms": "boolean",
    "no_radicals": "boolean",
    "ring_sizes": object,
    "n_atoms": int,
    "n_stable_atoms": "Int64",
    "molecule_stable": "boolean",
    "bond_first": object,
    "bond_second": object,
    "bond_order": object,
    "seconds": float,
}

SKELETON = "no_hydrogens"
"""Column of truth values: samples whose hydrogens were left out."""


def assign_all(
    structures: Structures, assigner: str, jobs: int, time_limit: float = 20.0, progress: bool = True
) -> pd.DataFrame:
    """Verdicts of one assigner on all structures: one row each, in their order.

    Args:
        structures: samples; their column `id` names the rows, else their index does. The assigner is told
            their bonds, formal charges and column `charge` (int). It does not see those whose column of text
            `unreadable` is not empty, which get the reason `unreadable`, and those marked in the column of
            truth values `no_hydrogens`, which get that reason.
        assigner: name of a module of `tutti.chemistry.bonds` that exports `assign`. Where its constant
            `NEEDS_HYDROGENS` is False it sees the samples without hydrogens too.
        jobs: number of worker processes.
        time_limit: s for one sample; one that takes longer gets the reason `timeout`, one that kills its
            worker the reason `crash`.
        progress: show a progress bar on stderr.

    Returns:
        `id` (str) and `COLUMNS`: `valid`, `reason` (empty when valid), `message` (see `Assignment`), `smiles`
        (null when not valid), the flags and counts of `Assignment`, `ring_sizes` (list of int), `bond_first`,
        `bond_second` (lists of atom indices) and `bond_order` (list of float), `seconds` (of wall time; the
        limit for a timeout, null for a crash).

    Raises:
        ConfigError: for an unknown assigner.
        ItemError: when the assigner raised an exception.
    """
    module = registry.module("bonds", assigner)
    unseen = _unseen(structures, getattr(module, "NEEDS_HYDROGENS", True))

    def judge(index: int) -> tuple:
        start = time.perf_counter()
        numbers, positions = structures.frame(index)
        if index in unseen:
            verdict = Assignment(unseen[index])
        else:
            verdict = module.assign(numbers, positions, _known(structures, index))
        return _row(verdict, len(numbers), time.perf_counter() - start)

    items = range(len(structures))
    results = map_killable(judge, items, jobs, time_limit, f"bonds ({assigner})" if progress else None)
    lost = {
        Timeout: (Assignment(Reason.TIMEOUT), time_limit),
        Crash: (Assignment(Reason.CRASH), np.nan),
    }
    for index, result in enumerate(results):
        if type(result) in lost:
            verdict, seconds = lost[type(result)]
            results[index] = _row(verdict, int(structures.n_atoms[index]), seconds)
    return _frame(structures, results)


def _unseen(structures: Structures, needs_hydrogens: bool) -> dict[int, Reason]:
    """Why samples are not shown to an assigner, by their index."""
    messages = structures.columns.get("unreadable", np.empty(0))
    unreadable = np.flatnonzero(messages != "") if messages.dtype.kind == "U" else ()
    bare = structures.columns.get(SKELETON, np.empty(0)) if needs_hydrogens else np.empty(0)
    return dict.fromkeys(np.flatnonzero(bare).tolist(), Reason.NO_HYDROGENS) | {
        int(index): Reason.UNREADABLE for index in unreadable
    }


def charge_of(structures: Structures, index: int) -> int:
    """Total charge of a structure: of the column `charge`, or 0 where there is none."""
    charges = structures.columns.get("charge")
    return 0 if charges is None else int(charges[index])


def _known(structures: Structures, index: int) -> Known:
    """What the samples' file says of one of them."""
    charge, said = charge_of(structures, index), structures.bonds(index)
    if said is None:
        return Known(charge)
    atoms, orders, formal_charges = said
    return Known(charge, Bonds(atoms[:, 0], atoms[:, 1], orders), formal_charges)


def _row(verdict: Assignment, n_atoms: int, seconds: float) -> tuple:
    """The values of `COLUMNS`; plain types, because they pass cheaply between processes."""
    bonds = verdict.bonds
    return (
        verdict.valid,
        str(verdict.reason),
        verdict.message,
        verdict.smiles,
        verdict.published_smiles,
        verdict.connected,
        verdict.neutral_atoms,
        verdict.no_radicals,
        list(verdict.ring_sizes),
        n_atoms,
        verdict.n_stable_atoms,
        verdict.molecule_stable,
        bonds.first.tolist(),
        bonds.second.tolist(),
        bonds.order.tolist(),
        seconds,
    )


def _frame(structures: Structures, rows: list[tuple]) -> pd.DataFrame:
    ids = structures.columns.get("id", range(len(structures)))
    values = zip(*rows, strict=True) if rows else ((),) * len(COLUMNS)
    columns = {
        name: pd.Series(column, dtype=dtype)
        for (name, dtype), column in zip(COLUMNS.items(), values, strict=True)
    }
    return pd.DataFrame({"id": pd.Series([str(name) for name in ids], dtype=str), **columns})
