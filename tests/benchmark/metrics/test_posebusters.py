"""PoseBusters through the pool gives what the library gives, and the table counts it."""

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from posebusters import PoseBusters
from rdkit import Chem
from rdkit.Chem import rdDetermineBonds
from scipy.spatial.transform import Rotation

from known_molecules import known
from tutti import io
from tutti.benchmark import published
from tutti.benchmark.metrics import geometry, posebusters
from tutti.chemistry.bonds import graph, xyz2mol
from tutti.chemistry.bonds.assignment import Reason
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.structures import Structures
from tutti.report import tables
from tutti.statistics.wilson import wilson

NAMES = {"model": "Symphony", "dataset": "qm9", "seed": 3}
Sample = tuple[np.ndarray, np.ndarray]


def moved(name: str, atoms: list[int], by: list[float]) -> Sample:
    numbers, positions = known(name)
    positions[atoms] += by
    return numbers, positions


def twisted(name: str, atoms: list[int], axis: tuple[int, int], degrees: float) -> Sample:
    """A molecule with some atoms turned about the line through two."""
    numbers, positions = known(name)
    line = positions[axis[1]] - positions[axis[0]]
    turn = Rotation.from_rotvec(np.radians(degrees) * line / np.linalg.norm(line))
    positions[atoms] = turn.apply(positions[atoms] - positions[axis[0]]) + positions[axis[0]]
    return numbers, positions


def bent_nitrile() -> Sample:
    numbers, positions = known("CH3CN")
    positions[2] = positions[1] + np.linalg.norm(positions[2] - positions[1]) * np.array([0, 0.998, 0.070])
    return numbers, positions


def real_and_broken() -> dict[str, tuple[Sample, str]]:
    """Samples that xyz2mol finds valid, and a test that each must fail (empty: none)."""
    benzene, ethane = known("C6H6"), known("C2H6")
    ring = np.tile(benzene[0], 2)
    return {
        "benzene": (benzene, ""),
        "thiophene": (known("C4H4S"), ""),
        "pyridine": (known("C5H5N"), ""),
        "nitromethane": (known("CH3NO2"), ""),
        "ethanol": (known("CH3CH2OH"), ""),
        "radical": (known("CH2_s3B1d"), "no_radicals"),
        "without force field": (known("CS2"), "internal_energy"),
        "short bonds": ((ethane[0], 0.7 * ethane[1]), "bond_lengths"),
        "strained": (moved("C2H6", [0, 2, 3, 4], [0, 0, 0.3]), "internal_energy"),
        "bent ring": (moved("C6H6", [0, 6], [0, 0, 0.9]), "aromatic_ring_flatness"),
        "bent nitrile": (bent_nitrile(), "bond_angles"),
        "twisted double bond": (twisted("isobutene", [2, 3], (0, 1), 60), "double_bond_flatness"),
        "apart": ((ring, np.concatenate([benzene[1], benzene[1] + [0, 0, 10]])), "all_atoms_connected"),
        "clash": ((ring, np.concatenate([benzene[1], benzene[1] + [0, 0, 2.2]])), "internal_steric_clash"),
    }


@pytest.fixture(scope="module")
def samples(shared_data) -> Structures:
    """The hand-made samples, then some of QM7."""
    qm7 = io.read(shared_data / "qm7.extxyz.gz")
    frames = [sample for sample, _ in real_and_broken().values()]
    return Structures.from_frames(frames + [qm7.frame(i) for i in (300, 2400)])


@pytest.fixture(scope="module")
def verdicts(samples) -> pd.DataFrame:
    found = assign_all(samples, "xyz2mol", 1, progress=False)
    assert found["valid"].all()
    return found


@pytest.fixture(scope="module")
def frame(samples, verdicts) -> pd.DataFrame:
    return posebusters.check_all(samples, verdicts, 2, progress=False)


def test_results_are_those_of_the_library(samples, frame):
    library = PoseBusters("mol")
    for i in range(len(samples)):
        row = library.bust(xyz2mol.molecule(*samples.frame(i))).iloc[0]
        row.index = row.index.str.replace("-", "_")
        assert set(row.index) == set(posebusters.TESTS)
        for name in posebusters.TESTS:
            expected, found = row[name], frame.loc[i, name]
            assert (pd.isna(expected) and pd.isna(found)) or expected == found, (i, name)


def test_broken_molecules_fail(frame):
    passed = frame[list(posebusters.TESTS)]
    for (name, (_, test)), (_, row) in zip(real_and_broken().items(), passed.iterrows(), strict=False):
        assert row.all() if not test else row[test] is pd.NA or not row[test], name
    # The force field behind the energy has no parameters for CS2.
    undecided = list(real_and_broken()).index("without force field")
    assert frame.index[frame["reason"] != ""].tolist() == [undecided]
    assert frame.loc[undecided, "reason"] == "undecided"


def test_chunks_and_order_change_nothing(samples, verdicts, frame):
    chosen = np.array([9, 13, 4, 6])
    there = posebusters.check_all(samples[chosen], verdicts.iloc[chosen], 1, progress=False)
    expected = frame.iloc[chosen].reset_index(drop=True)
    pd.testing.assert_frame_equal(there.drop(columns="seconds"), expected.drop(columns="seconds"))


def test_samples_that_are_not_valid_are_not_checked(samples, verdicts):
    masked = verdicts.assign(valid=verdicts.index == 4)
    found = posebusters.check_all(samples, masked, 2, progress=False)
    assert found["id"].tolist() == verdicts["id"].tolist()
    assert found["checked"].tolist() == masked["valid"].tolist()
    others = found.drop(index=4)
    assert others[[*posebusters.TESTS, "seconds"]].isna().all(axis=None)
    assert (found["reason"] == "").all()


def test_timeout_of_the_energy_leaves_the_other_tests(samples, verdicts, frame, monkeypatch):
    check = posebusters._check

    def slow(mol, tests):
        time.sleep(60 if tests == ("internal_energy",) and mol.GetNumAtoms() == 5 else 0)
        return check(mol, tests)

    monkeypatch.setattr(posebusters, "_check", slow)
    names = list(real_and_broken())
    chosen = [names.index("ethanol"), names.index("without force field")]
    methane = Structures.from_frames([known("CH4"), *(samples.frame(i) for i in chosen)])
    found = posebusters.check_all(methane, assign_all(methane, "xyz2mol", 1, progress=False), 2, 2, False)
    assert found["reason"].tolist() == ["timeout", "", "undecided"]
    others = [name for name in posebusters.TESTS if name != "internal_energy"]
    assert found.loc[0, others].all()
    assert found.loc[0, "internal_energy"] is pd.NA
    assert found.loc[1, list(posebusters.TESTS)].all()


def test_exceptions_of_the_library_are_a_reason(samples, verdicts, monkeypatch):
    def bust(*_):
        raise RuntimeError("bad molecule")

    monkeypatch.setattr(PoseBusters, "bust", bust)
    found = posebusters.check_all(samples[:2], verdicts[:2], 1, progress=False)
    assert found["reason"].tolist() == ["library_error"] * 2
    assert found["message"].tolist() == ["PoseBusters: RuntimeError: bad molecule"] * 2
    assert found[list(posebusters.TESTS)].isna().all(axis=None)


def test_ctrl_c_that_the_parent_ignores_changes_no_verdict(monkeypatch):
    """As in a script's background: RDKit's embedding would find nothing, and each molecule fail."""
    real = Structures.from_frames([known("CH3CH2OH"), known("C6H6")])
    verdicts = assign_all(real, "xyz2mol", 1, progress=False)
    quiet = posebusters.check_all(real, verdicts, 1, progress=False)
    assert quiet["internal_energy"].all()
    over = threading.Event()

    def storm():
        while not over.is_set():
            for worker in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(worker), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.001)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    sender = threading.Thread(target=storm)
    sender.start()
    try:
        stormed = posebusters.check_all(real, verdicts, 1, progress=False)
    finally:
        over.set()
        sender.join()
        signal.signal(signal.SIGINT, before)
    pd.testing.assert_frame_equal(stormed.drop(columns="seconds"), quiet.drop(columns="seconds"))


def test_other_tests_in_the_library_are_refused(samples, verdicts, monkeypatch):
    config = PoseBusters("mol").config
    config["modules"][2]["rename_outputs"] = {"inchi_convertible": "Has an InChI"}
    monkeypatch.setattr(posebusters, "PoseBusters", lambda _: PoseBusters(config))
    with pytest.raises(RuntimeError, match=r"new \['has_an_inchi'\], gone \['inchi_convertible'\]"):
        posebusters.check_all(samples, verdicts, 1, progress=False)


def short_bond() -> Sample:
    """Ethanol, with one C-H bond of 0.6 Å."""
    numbers, positions = known("CH3CH2OH")
    away = np.linalg.norm(positions - positions[0], axis=1)
    hydrogen = np.flatnonzero((numbers == 1) & (away < 1.2))[0]
    positions[hydrogen] = positions[0] + 0.6 / away[hydrogen] * (positions[hydrogen] - positions[0])
    return numbers, positions


def test_hydrogens_are_seen_by_our_geometry_only():
    both = Structures.from_frames([known("CH3CH2OH"), short_bond()])
    found = assign_all(both, "xyz2mol", 1, progress=False)
    assert found["valid"].all()
    theirs = posebusters.check_all(both, found, 1, progress=False)
    assert theirs[["bond_lengths", "bond_angles", "internal_steric_clash"]].all(axis=None)
    ours = geometry.check_all(both, found, 1, progress=False)
    assert ours["bond_lengths"].tolist() == [True, False]


def test_validity_of_a_radical_depends_on_an_option_of_rdkit():
    """Planar CH3 is no molecule without charge, unless RDKit may leave electrons unpaired.

    So a share of valid molecules means nothing without the options behind it, and the tables have shares
    without radicals and without charges beside it.
    """
    radical = known("CH3")
    assert np.ptp(radical[1][:, 2]) == 0
    assert xyz2mol.assign(*radical).reason == Reason.CHARGE
    mol = graph.molecule(*radical)
    rdDetermineBonds.DetermineBonds(mol, charge=0, allowChargedFragments=False)
    assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == "[CH3]"
    assert sum(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()) == 1


def hand() -> pd.DataFrame:
    """Five molecules: all right, wrong energy, wrong InChI, a timeout of the energy, not checked."""
    frame = pd.DataFrame(True, index=range(5), columns=posebusters.TESTS).astype("boolean")
    frame.loc[1, "internal_energy"] = False
    frame.loc[2, "inchi_convertible"] = False
    frame.loc[3, "internal_energy"] = pd.NA
    frame.loc[4] = pd.NA
    return frame.assign(
        id=list("abcde"), checked=[True] * 4 + [False], reason=["", "", "", "timeout", ""], seconds=1.0
    )


def test_table(tmp_path):
    table = posebusters.posebusters_table(hand(), **NAMES)
    tables.write(table, tmp_path / "posebusters")
    passed = dict.fromkeys(posebusters.TESTS, 4) | {"internal_energy": 2, "inchi_convertible": 3}
    passed |= {"published_seven": 2, "all_tests": 1}
    assert dict(zip(table["subset"], 4 * table["value"], strict=True)) == passed
    for row in table.itertuples():
        assert (row.n, row.unit) == (4, "1")
        assert (row.ci_low, row.ci_high) == wilson(passed[row.subset], 4)
        is_open = row.subset in ("internal_energy", "published_seven", "all_tests")
        assert ("1 timeout" in row.note) == is_open
    metrics = table.set_index("subset")["metric"]
    assert (metrics[list(posebusters.PUBLISHED)] == "posebusters").all()
    assert (metrics[list(posebusters.NEWER)] == "posebusters_newer").all()


def test_published_values_are_found():
    table = published.fill(posebusters.posebusters_table(hand(), **NAMES))
    found = set(table.loc[table["published"].notna(), "subset"])
    assert found == set(posebusters.PUBLISHED)


def test_table_of_nothing():
    table = posebusters.posebusters_table(hand()[4:], **NAMES)
    assert table["value"].isna().all()
    assert table["note"].str.contains("undefined: no checked valid molecules").all()
