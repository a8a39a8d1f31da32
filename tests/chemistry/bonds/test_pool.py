"""Verdicts of many samples: one row each, in order, equal to those of a plain loop."""

import faulthandler
import os
import signal
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from bond_samples import ASSIGNERS, sample, together

from known_molecules import known
from tutti.chemistry.bonds import lookup
from tutti.chemistry.bonds.assignment import NOTHING
from tutti.chemistry.bonds.pool import COLUMNS, assign_all
from tutti.core import registry
from tutti.core.registry import ConfigError
from tutti.core.structures import Structures
from tutti.core.worker_pool import ItemError

MIXED = [
    known("CH4"),
    sample([], []),
    sample([6, 1], [[0, 0, 0], [np.nan, 0, 0]]),
    together(known("H2O"), known("CH3NO2")),
    sample([6, 6], np.zeros((2, 3))),
    known("C60"),
    sample([118], [0, 0, 0]),
]


@pytest.mark.parametrize("assigner", ASSIGNERS)
def test_rows_equal_the_direct_calls(qm7, assigner):
    structures = Structures.concatenate(
        [Structures.from_frames(MIXED), Structures.from_frames([qm7.frame(i) for i in range(300)])]
    )
    assign = registry.module("bonds", assigner).assign
    frame = assign_all(structures, assigner, jobs=2, progress=False)
    assert len(frame) == len(structures)
    for i, row in enumerate(frame.itertuples()):
        expected = assign(*structures.frame(i))
        assert row.id == str(i)
        assert row.n_atoms == structures.n_atoms[i]
        assert (row.valid, row.reason) == (expected.valid, expected.reason)
        for name in (
            "smiles",
            "connected",
            "neutral_atoms",
            "no_radicals",
            "n_stable_atoms",
            "molecule_stable",
        ):
            value, reference = getattr(row, name), getattr(expected, name)
            assert pd.isna(value) if reference is None else value == reference
        assert row.bond_first == expected.bonds.first.tolist()
        assert row.bond_second == expected.bonds.second.tolist()
        assert row.bond_order == expected.bonds.order.tolist()
        assert row.ring_sizes == list(expected.ring_sizes)
        assert 0 <= row.seconds < 20


def test_same_verdicts_for_any_number_of_jobs():
    structures = Structures.from_frames(MIXED * 20)
    one, three = (assign_all(structures, "xyz2mol", jobs, progress=False) for jobs in (1, 3))
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), three.drop(columns="seconds"))


def test_parquet_keeps_everything(tmp_path):
    frame = assign_all(Structures.from_frames(MIXED), "lookup", 1, progress=False)
    frame.to_parquet(tmp_path / "verdicts.parquet")
    again = pd.read_parquet(tmp_path / "verdicts.parquet")
    lists = ["bond_first", "bond_second", "bond_order", "ring_sizes"]
    pd.testing.assert_frame_equal(frame.drop(columns=lists), again.drop(columns=lists))
    for name in lists:
        assert [list(cell) for cell in again[name]] == frame[name].tolist()


def test_no_structures():
    frame = assign_all(Structures.from_frames([]), "xyz2mol", 2, progress=False)
    assert len(frame) == 0
    assert list(frame) == ["id", *COLUMNS]


def test_ids_are_the_structures_own():
    structures = Structures.from_frames(MIXED[:2]).with_columns(id=np.array(["a", "7"]))
    assert assign_all(structures, "lookup", 1, progress=False)["id"].tolist() == ["a", "7"]


@pytest.mark.parametrize("assigner", ASSIGNERS)
def test_samples_that_could_not_be_read_are_not_judged(assigner):
    frames = [known("CH4"), sample([], []), sample([], []), known("C6H6")]
    structures = Structures.from_frames(frames).with_columns(
        unreadable=np.array(["", "line 3: no number", "", "judged by no one"])
    )
    frame = assign_all(structures, assigner, 1, progress=False)
    assert frame["reason"].tolist() == ["", "unreadable", "no_atoms", "unreadable"]
    assert frame["n_atoms"].tolist() == [5, 0, 0, 12]
    assert frame["ring_sizes"].tolist() == [[]] * 4
    assert frame["bond_first"].map(len).tolist() == [4, 0, 0, 0]


def test_a_column_of_numbers_called_unreadable_is_no_message():
    structures = Structures.from_frames([known("CH4")] * 2).with_columns(unreadable=np.array([0, 1]))
    assert assign_all(structures, "lookup", 1, progress=False)["valid"].all()


def test_an_assigner_is_told_what_the_file_says(monkeypatch):
    told = []

    def assign(numbers, positions, known):
        told.append(known)
        return lookup.assign(numbers, positions)

    structures = replace(
        Structures.from_frames([known("CH4"), sample([], []), known("H2O")]),
        formal_charges=np.array([-1, 0, 0, 0, 0, 2, 0, 0], np.int8),
        n_bonds=np.array([0, 0, 2]),
        bond_atoms=np.array([[0, 1], [0, 2]]),
        bond_orders=np.array([1.0, 1.5]),
    ).with_columns(charge=np.array([-1, 0, 2]))
    monkeypatch.setattr(registry, "module", lambda *_: SimpleNamespace(assign=assign))
    monkeypatch.setattr(
        "tutti.chemistry.bonds.pool.map_killable", lambda judge, items, *_: list(map(judge, items))
    )
    assign_all(structures, "curious", 1, progress=False)
    assert [each.charge for each in told] == [-1, 0, 2]
    assert [each.bonds for each in told[:2]] == [each.formal_charges for each in told[:2]] == [None, None]
    bonds = told[2].bonds
    assert [bonds.first.tolist(), bonds.second.tolist(), bonds.order.tolist()] == [[0, 0], [1, 2], [1, 1.5]]
    assert told[2].formal_charges.tolist() == [2, 0, 0]
    told.clear()
    assign_all(Structures.from_frames([known("CH4")]), "curious", 1, progress=False)
    assert told == [NOTHING]


@pytest.mark.parametrize("assigner", [*ASSIGNERS, "given"])
def test_samples_without_hydrogens_have_their_reason(assigner):
    structures = Structures.from_frames([known("CH4"), known("CO2"), known("C60")]).with_columns(
        no_hydrogens=np.array([False, True, True]), unreadable=np.array(["", "", "line 1"])
    )
    reasons = assign_all(structures, assigner, 1, progress=False)["reason"].tolist()
    others = ["no_bonds", "no_bonds"] if assigner == "given" else ["", "no_hydrogens"]
    assert reasons == [*others, "unreadable"]


def test_unknown_assigner():
    with pytest.raises(ConfigError, match="xyz2mol"):
        assign_all(Structures.from_frames(MIXED), "xyz2moll", 1)


def test_samples_that_hang_or_crash_are_rows(monkeypatch):
    def assign(numbers, positions, known):
        if len(numbers) == 60:
            time.sleep(60)
        if len(numbers) == 0:
            faulthandler.disable()
            os.kill(os.getpid(), signal.SIGSEGV)
        return lookup.assign(numbers, positions)

    monkeypatch.setattr(registry, "module", lambda *_: SimpleNamespace(assign=assign))
    frame = assign_all(Structures.from_frames(MIXED), "slow", 2, time_limit=1, progress=False)
    reasons = [
        "",
        "crash",
        "non_finite_coordinates",
        "",
        "overlapping_atoms",
        "timeout",
        "unsupported_element",
    ]
    assert frame["reason"].tolist() == reasons
    assert frame["valid"].tolist() == [reason == "" for reason in reasons]
    assert frame["n_atoms"].tolist() == [len(numbers) for numbers, _ in MIXED]
    assert frame["seconds"][5] == 1
    assert np.isnan(frame["seconds"][1])
    assert frame.loc[[1, 5], ["smiles", "connected", "n_stable_atoms"]].isna().all(axis=None)


def test_what_a_library_raises_is_a_reason_with_its_message():
    grid = sample([6] * 64, 0.45 * np.stack(np.indices((4, 4, 4)), axis=-1).reshape(-1, 3))
    frame = assign_all(
        Structures.from_frames([known("CH4"), grid, known("H2O")]), "lookup", 1, progress=False
    )
    assert frame["reason"].tolist() == ["", "library_error", ""]
    assert frame["message"].tolist()[::2] == ["", ""]
    assert frame["message"][1].startswith("RDKit: RuntimeError: Pre-condition Violation")
    # What the table says holds all the same.
    assert (frame["n_stable_atoms"][1], len(frame["bond_first"][1]) > 100) == (0, True)


def test_an_error_of_an_assigner_of_ours_stops_the_run(monkeypatch):
    def stable(*_):
        raise ValueError("a bug")

    monkeypatch.setattr(lookup, "has_allowed_valence", stable)
    with pytest.raises(ItemError, match="a bug"):
        assign_all(Structures.from_frames(MIXED), "lookup", 1, progress=False)
