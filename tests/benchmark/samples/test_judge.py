"""The engine that judges: what is kept, what is done again, and what a kill costs."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from tutti.benchmark.samples import assigner_agreement, judge, sets
from tutti.benchmark.samples.judged import Judged
from tutti.benchmark.samples.measure import measure
from tutti.benchmark.tables import Check
from tutti.core.cache import Parts
from tutti.core.progress import Progress
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED

ASSIGNERS = ("xyz2mol", "openbabel", "lookup")
NAMES = {"model": "m", "dataset": "d", "seed": 0}


@pytest.fixture(scope="module")
def molecules():
    known = Structures.load(EMBEDDED / "qm9_6.npz")[:30]
    return sets.numbered(Structures(known.n_atoms, known.numbers, known.positions))


@pytest.fixture
def code(monkeypatch):
    """What the code of each module is taken for; an edit changes it."""
    versions = {}
    monkeypatch.setattr(judge, "sources", lambda *modules: modules)
    monkeypatch.setattr(judge, "fingerprint", lambda modules, _: [versions.get(m, 0) for m in modules])
    return versions


def judging(folder, assigners=ASSIGNERS):
    return judge.Judge(Parts(folder / ".parts"), 1, assigners)


def calls(monkeypatch):
    """Assigners whose chunks are really judged, in order."""
    made, assign = [], judge.assign_all

    def recorded(structures, assigner, *arguments, **options):
        made.append(assigner)
        return assign(structures, assigner, *arguments, **options)

    monkeypatch.setattr(judge, "assign_all", recorded)
    return made


def test_an_edited_assigner_repeats_its_own_verdicts_only(tmp_path, molecules, code, monkeypatch):
    made = calls(monkeypatch)
    first = judging(tmp_path).judge("m", molecules, {})
    assert made == list(ASSIGNERS)
    assert judging(tmp_path).judge("m", molecules, {}).digest == first.digest
    assert made == list(ASSIGNERS)
    code["chemistry.bonds.openbabel"] = 1
    assert judging(tmp_path).judge("m", molecules, {}).digest == first.digest
    assert made == [*ASSIGNERS, "openbabel"]


def test_another_version_of_a_library_judges_anew(tmp_path, molecules, monkeypatch):
    made = calls(monkeypatch)
    judging(tmp_path).judge("m", molecules, {})
    judging(tmp_path).judge("m", molecules, {})
    assert len(made) == len(ASSIGNERS)
    monkeypatch.setattr(judge, "installed", lambda _: {"rdkit": "2023.3.3"})
    judging(tmp_path).judge("m", molecules, {})
    assert made == [*ASSIGNERS] * 2


def test_only_new_chunks_of_samples_are_judged(tmp_path, molecules, monkeypatch):
    monkeypatch.setattr(judge, "CHUNK", 10)
    made = calls(monkeypatch)
    judging(tmp_path, ("lookup",)).judge("m", molecules[:20], {})
    judging(tmp_path, ("lookup",)).judge("m", molecules, {})
    assert made == ["lookup"] * 3


def test_checks_look_at_the_first_samples_of_the_whole_set(tmp_path, molecules):
    limits = {"geometry": Check(molecules=12, time_limit=20, chunk=7)}
    whole = judging(tmp_path, ("xyz2mol",)).judge("m", molecules, limits)
    assert whole.checks["geometry"]["checked"].tolist() == [i < 12 for i in range(30)]
    parts = [
        judging(tmp_path, ("xyz2mol",)).judge("m", sets.part_of(molecules, f"-part{i}of4"), limits)
        for i in (1, 2, 3, 4)
    ]
    together = pd.concat([part.checks["geometry"] for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(
        together.drop(columns="seconds"), whole.checks["geometry"].drop(columns="seconds")
    )


def test_checks_look_at_the_first_turns(tmp_path, molecules):
    turns = np.random.default_rng(0).permutation(30)
    limits = {"geometry": Check(molecules=12, time_limit=20, chunk=7)}
    found = judging(tmp_path, ("xyz2mol",)).judge("m", molecules, limits, turns)
    assert found.checks["geometry"]["checked"].tolist() == (turns < 12).tolist()


def test_a_set_is_read_back_as_it_was_judged_also_from_its_parts(tmp_path, molecules):
    limits = {"geometry": Check(molecules=None, time_limit=20, chunk=30)}
    whole = judging(tmp_path, ("xyz2mol", "lookup")).judge("m", molecules, limits)
    judge.write(whole, tmp_path / "whole")
    assert Judged.read([tmp_path / "whole"], ["xyz2mol", "lookup"], ["geometry"]).digest == whole.digest
    folders = []
    for i in (1, 2, 3):
        part = judging(tmp_path, ("xyz2mol", "lookup")).judge(
            "m", sets.part_of(molecules, f"-part{i}of3"), limits
        )
        folders.append(tmp_path / f"part{i}")
        judge.write(part, folders[-1])
    together = Judged.read(folders, ["xyz2mol", "lookup"], ["geometry"])
    assert np.array_equal(together.structures.positions, whole.structures.positions)
    for name in ("xyz2mol", "lookup"):
        pd.testing.assert_frame_equal(
            together.verdicts[name].drop(columns="seconds"), whole.verdicts[name].drop(columns="seconds")
        )


def test_no_samples_are_judged_too(tmp_path, molecules):
    judged = judging(tmp_path).judge("m", molecules[:0], {})
    assert [len(frame) for frame in judged.verdicts.values()] == [0, 0, 0]


def test_measuring_again_computes_only_what_changed(tmp_path, molecules, monkeypatch):
    judged = judging(tmp_path).judge("m", molecules, {})
    functions = {
        "assigner_agreement": "tutti.benchmark.samples.assigner_agreement.table",
        "reasons": "tutti.benchmark.samples.reasons.table",
    }

    def rows():
        return measure(judged, None, functions, Parts(tmp_path / "rows"), Progress("tables", 2), **NAMES)

    first = rows()
    assert first["table"].drop_duplicates().tolist() == list(functions)
    again = first[first["table"] == "assigner_agreement"].drop(columns="table")
    pd.testing.assert_frame_equal(again, assigner_agreement.table(judged, None, **NAMES))
    monkeypatch.setattr("tutti.benchmark.samples.reasons.table", None)
    monkeypatch.setattr("tutti.benchmark.samples.assigner_agreement.table", None)
    pd.testing.assert_frame_equal(rows(), first)


KILLED = """
import sys
from pathlib import Path
from tutti.benchmark.samples import judge, sets
from tutti.core.cache import Parts
from tutti.core.structures import Structures

judge.CHUNK = 1
molecules = sets.numbered(Structures.load(sys.argv[1])[:200])
judge.Judge(Parts(Path(sys.argv[2])), 1, ("lookup",)).judge("m", molecules, {})
"""


def test_a_kill_loses_at_most_the_part_under_way(tmp_path):
    command = [sys.executable, "-c", KILLED, str(EMBEDDED / "qm9_6.npz"), str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        while len(list(tmp_path.glob("[0-9a-f]*.parquet"))) < 5 and process.poll() is None:
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("[0-9a-f]*.parquet")}
    assert 5 <= len(kept) < 200
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list(tmp_path.glob("[0-9a-f]*.parquet"))) == 200
