"""What the browser of molecules shows."""

import json

import numpy as np
import pandas as pd
import pytest

from tutti.benchmark.samples.judged import Judged
from tutti.core.structures import Structures
from tutti.report.browser import EACH, MOST, SCALE, SETS, Set, choose, contents

N = MOST + 50
WATER = np.array([[0.0, 0.0, 0.1173], [0.0, 0.7572, -0.4692], [0.0, -0.7572, -0.4692]])


def judged(n=N):
    """Copies of water in random orientations; the last ones are not valid, or fail a check."""
    rng = np.random.default_rng(0)
    turns = np.linalg.qr(rng.normal(size=(n, 3, 3)))[0]
    frames = [([8, 1, 1], WATER @ turn.T) for turn in turns]
    frames[3] = ([8, 1, 1], np.full((3, 3), np.nan))
    structures = Structures.from_frames(frames, columns={"id": np.array([f"s{k}" for k in range(n)])})
    valid = np.arange(n) < n - 20
    reasons = np.where(valid, "", np.where(np.arange(n) % 2, "charge", "valence"))
    bonds = [[0, 0] if ok else [] for ok in valid]
    verdicts = pd.DataFrame(
        dict(
            id=[f"s{k}" for k in range(n)], valid=valid, reason=reasons,
            smiles=pd.Series(np.where(valid, "O", None), dtype="string"), bond_first=bonds,
            bond_second=[[1, 2] if ok else [] for ok in valid], bond_order=[[1.0] * len(b) for b in bonds],
            message=["RDKit: no <ring>" if k == n - 20 else "" for k in range(n)],
        )
    )  # fmt: skip
    passed = pd.array([None if k % 7 == 0 else k != n - 25 for k in range(n)], dtype="boolean")
    check = pd.DataFrame(
        dict(
            id=verdicts["id"],
            checked=valid,
            bond_lengths=passed,
            energy_drop_per_atom=12.345,
            reason="",
            message=["" if k else "xTB: no" for k in range(n)],
        )
    )
    return Judged(structures, {"xyz2mol": verdicts}, {"strain": check})


def test_the_first_and_some_of_every_fault_are_chosen():
    rows = choose(judged(), MOST, EACH)
    assert rows[:MOST] == list(range(MOST))
    # Ten samples are not valid for each of two reasons, one fails the check; of each the first are there.
    assert rows[MOST:] == sorted([N - 25, *range(N - 20, N - 20 + 2 * EACH)])


def test_molecules_are_told_exactly():
    found = contents([Set("qm9", "model", 0, judged())])
    json.dumps(found, allow_nan=False)
    molecules = {molecule["place"]: molecule for molecule in found["molecules"]}
    positions = np.array(molecules[0]["positions"]).reshape(3, 3) / SCALE
    np.testing.assert_allclose(positions, judged().structures.frame(0)[1], atol=0.5001 / SCALE)
    rotation = np.array(molecules[0]["rotation"]).reshape(3, 3)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=3e-3)
    assert np.linalg.det(rotation) == pytest.approx(1, abs=5e-3)
    assert molecules[0]["numbers"] == [8, 1, 1]
    assert molecules[0]["verdicts"] == {"xyz2mol": [True, "", "O", [0, 1, 1.0, 0, 2, 1.0], False]}
    # The same SMILES comes again; no result of a check is no failure; what is not finite is not drawn.
    assert molecules[1]["verdicts"]["xyz2mol"][-1]
    assert molecules[7]["failed"] == {"strain": []}
    assert molecules[N - 25]["failed"] == {"strain": ["bond_lengths"]}
    assert molecules[1]["measured"] == {"energy_drop_per_atom": "12.3 meV/atom"}
    assert molecules[3]["numbers"] == molecules[3]["positions"] == molecules[3]["rotation"] == []
    assert molecules[N - 20]["verdicts"]["xyz2mol"][:3] == [False, "valence", ""]
    assert molecules[N - 20]["failed"] == {}
    assert molecules[0]["messages"] == {"strain": "xTB: no"} and molecules[1]["messages"] == {}
    assert molecules[N - 20]["messages"] == {"xyz2mol": "RDKit: no <ring>"}
    assert set(found["elements"]) == {1, 8} and found["elements"][8][0] == "O"


def test_many_sets_show_fewer_of_each():
    few = judged()
    sets = [Set("qm9", f"model{k}", 0, few) for k in range(2 * SETS)]
    found = contents(sets)
    assert f"first {MOST // 2} samples" in found["rule"]
    assert {each["shown"] for each in found["sets"]} == {MOST // 2 + 1 + 2 * EACH}
    assert [each["key"] for each in found["sets"]][:2] == ["qm9/model0/0", "qm9/model1/0"]
