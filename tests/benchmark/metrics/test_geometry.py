"""Hydrogen-aware geometry: real molecules pass, distorted ones fail the test that is about the distortion."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from known_molecules import known
from table_names import NAMES
from tutti import io
from tutti.benchmark.metrics import geometry
from tutti.chemistry.bonds import xyz2mol
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.structures import Structures
from tutti.core.worker_pool import ItemError
from tutti.report import tables
from tutti.statistics.wilson import wilson


def check(structures: Structures) -> pd.DataFrame:
    verdicts = assign_all(structures, "xyz2mol", 1, progress=False)
    return geometry.check_all(structures, verdicts, 1, progress=False)


def rates(structures: Structures) -> pd.Series:
    frame = check(structures)
    return frame.loc[frame["checked"], list(geometry.TESTS)].astype(float).mean()


def judge(numbers: np.ndarray, positions: np.ndarray) -> tuple[bool, bool, bool]:
    return geometry.judge(xyz2mol.molecule(np.asarray(numbers, np.uint8), positions))


def with_bond(numbers: np.ndarray, positions: np.ndarray, length: float, hydrogen: int) -> np.ndarray:
    """Positions with one hydrogen moved along its bond to the nearest heavy atom."""
    heavy = np.flatnonzero(numbers > 1)
    away = positions[hydrogen] - positions[heavy]
    distance = np.linalg.norm(away, axis=1)
    near = distance.argmin()
    moved = positions.copy()
    moved[hydrogen] = positions[heavy[near]] + away[near] * length / distance[near]
    return moved


def test_relaxed_molecules_pass(relaxed):
    """The N-O bond of isoxazoles is longer than the bounds, in formates two atoms are closer than they."""
    assert (rates(relaxed) >= [0.96, 0.995, 0.985]).all()


@pytest.mark.parametrize(("every", "share"), [(12, 0.99), pytest.param(1, 0.995, marks=pytest.mark.long)])
def test_molecules_of_qm7_pass(shared_data, every, share):
    qm7 = io.read(shared_data / "qm7.extxyz.gz")[::every]
    without_sulfur = [set(qm7.frame(i)[0].tolist()) <= {1, 6, 7, 8} for i in range(len(qm7))]
    assert (rates(qm7[np.array(without_sulfur)]) >= share).all()


def test_displaced_hydrogens_fail(relaxed):
    directions = np.random.default_rng(0).normal(size=relaxed.positions.shape)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    hydrogens = (relaxed.numbers == 1)[:, None]
    displaced = replace(relaxed, positions=relaxed.positions + 0.3 * directions * hydrogens)
    frame = check(displaced)
    checked = frame[frame["checked"]]
    assert len(checked) > 400
    assert checked[list(geometry.TESTS)].all(axis=1).mean() < 0.03


@pytest.mark.parametrize("name", ["CH4", "CH3CH2OH", "C6H6", "CH3CH2NH2", "C5H5N", "H2O"])
@pytest.mark.parametrize(("length", "passes"), [(0.6, False), (0.9, False), (1.18, False), (None, True)])
def test_length_of_one_bond_to_hydrogen(name, length, passes):
    numbers, positions = known(name)
    hydrogen = int(np.flatnonzero(numbers == 1)[-1])
    moved = positions if length is None else with_bond(numbers, positions, length, hydrogen)
    assert judge(numbers, moved)[0] == passes


def test_bent_hydrogen_fails_by_its_angles_only():
    numbers, positions = known("CH4")
    axis = np.cross(positions[1], positions[2])
    turn = Rotation.from_rotvec(np.radians(25) * axis / np.linalg.norm(axis))
    bent = positions.copy()
    bent[1] = turn.apply(positions[1])
    assert judge(numbers, positions) == (True, True, True)
    assert judge(numbers, bent) == (True, False, True)


def test_molecules_too_close_to_each_other_clash():
    numbers, positions = known("CH4")
    for distance, passes in ((3.9, True), (2.4, False)):
        both = np.concatenate([positions, positions + np.array([distance, 0, 0])])
        assert judge(np.tile(numbers, 2), both) == (True, True, passes)


@pytest.mark.parametrize("name", ["CH3NO2", "HCOOH", "C60", "O3", "C4H4S", "CH3CONH2"])
def test_resonant_and_special_molecules_pass(name):
    assert judge(*known(name)) == (True, True, True)


def test_orientation_order_and_reflection_change_nothing(relaxed):
    rng = np.random.default_rng(4)
    for i in rng.choice(len(relaxed), 40, replace=False):
        numbers, positions = relaxed.frame(i)
        positions = positions + rng.normal(scale=0.05, size=positions.shape)
        mol = xyz2mol.molecule(numbers, positions)
        if isinstance(mol, str):
            continue
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        assert judge(numbers, positions @ turn + 3) == geometry.judge(mol)


def test_rows_of_parts_are_those_of_all(relaxed):
    some = relaxed[:60]
    verdicts = assign_all(some, "xyz2mol", 1, progress=False)
    verdicts.loc[[3, 20, 59], "valid"] = False
    whole = geometry.check_all(some, verdicts, 2, progress=False)
    parts = [
        geometry.check_all(some[a:b], verdicts[a:b], 1, progress=False)
        for a, b in ((0, 1), (1, 25), (25, 25), (25, 60))
    ]
    joined = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(joined.drop(columns="seconds"), whole.drop(columns="seconds"))
    assert whole["id"].tolist() == verdicts["id"].tolist()
    assert whole["checked"].tolist() == verdicts["valid"].tolist()
    skipped = whole.loc[[3, 20, 59]]
    assert skipped[[*geometry.TESTS, "seconds"]].isna().all(axis=None)
    assert (skipped["reason"] == "").all()


def test_verdicts_that_do_not_belong_to_the_samples(relaxed):
    verdicts = assign_all(relaxed[:3], "xyz2mol", 1, progress=False)
    with pytest.raises(ValueError, match="2 structures but 3 verdicts"):
        geometry.check_all(relaxed[:2], verdicts, 1, progress=False)
    empty = Structures.from_frames([(np.array([6, 6, 6]), np.zeros((3, 3)))] * 3)
    with pytest.raises(ItemError, match="overlapping_atoms"):
        geometry.check_all(empty, verdicts, 1, progress=False)


def test_table_counts_what_has_no_result_as_not_passed(tmp_path):
    frame = pd.DataFrame(
        {
            "id": list("abcde"),
            "checked": [True, True, True, True, False],
            "bond_lengths": pd.array([True, True, False, None, None], dtype="boolean"),
            "bond_angles": pd.array([True, False, True, None, None], dtype="boolean"),
            "steric_clash": pd.array([True, True, True, None, None], dtype="boolean"),
            "reason": ["", "", "", "timeout", ""],
            "seconds": [0.1, 0.1, 0.1, 20, np.nan],
        }
    )
    table = geometry.geometry_table(frame, **NAMES)
    passed = {"bond_lengths": 2, "bond_angles": 2, "steric_clash": 3, "all": 1}
    assert dict(zip(table["subset"], table["value"] * 4, strict=True)) == passed
    for row in table.itertuples():
        assert (row.metric, row.n, row.unit) == ("geometry_with_hydrogens", 4, "1")
        assert (row.ci_low, row.ci_high) == wilson(passed[row.subset], 4)
        assert "1 timeout" in row.note
    tables.write(table, tmp_path / "geometry")
    nothing = geometry.geometry_table(frame[4:], **NAMES)
    assert nothing["value"].isna().all()
    assert nothing["note"].str.contains("undefined: no checked valid molecules").all()
