"""Local environments against a loop over atoms."""

from collections import Counter

import numpy as np
import pytest
from bonded_molecules import EMPTY, HAND, environments_of, loop, packed, qm7

from tutti.benchmark.metrics import environments
from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.environments import Environments, pairs


def named(found):
    return [
        (found.names[kind], centre, molecule)
        for kind, centre, molecule in zip(found.kind, found.centre, found.molecule, strict=True)
    ]


def test_real_molecules(shared_data):
    bonded = Bonded.of(*qm7(shared_data))
    found, expected = Environments.of(bonded), list(environments_of(loop(*qm7(shared_data))))
    assert named(found) == [(name, row, i) for name, row, i, _ in expected]
    counts = Counter(name for name, *_ in expected)
    assert found.names == sorted(counts, key=lambda name: (-counts[name], name))
    assert {"C:C2,H2", "C:C1,H2,N1", "N:C2,H1", "O:C1,H1"} <= set(found.names)

    centre = found.centre[::-3]
    index, neighbour = pairs(bonded, centre)
    assert (np.diff(index) >= 0).all()
    for i, (_, row, _, near) in enumerate(expected[::-1][::3]):
        assert centre[i] == row
        assert sorted(neighbour[index == i]) == sorted(near)


def test_hand_made_molecules():
    assert named(Environments.of(packed(HAND))) == [("C:H2,O1", 0, 0), ("O:H2", 7, 3), ("O:H2", 11, 3)]


@pytest.mark.parametrize("largest", [environments._MAX_CODE, 200])
def test_many_elements(monkeypatch, largest):
    """Codes that outgrow their integers on the way are made small again."""
    monkeypatch.setattr(environments, "_MAX_CODE", largest)
    random = np.random.default_rng(0)
    molecules = []
    for n in random.integers(1, 9, 300):
        numbers = random.choice(np.arange(1, 119), n + 1) if n > 2 else random.choice([1, 6, 17], n + 1)
        molecules.append((numbers, random.normal(size=(n + 1, 3)), [(0, i, 1.0) for i in range(1, n + 1)]))
    found = Environments.of(packed(molecules))
    assert named(found) == [(name, row, i) for name, row, i, _ in environments_of(molecules)]


def test_of_kind_keeps_the_names_asked_for():
    found = Environments.of(packed(HAND)).of_kind(["N:H3", "O:H2"])
    assert found.names == ["N:H3", "O:H2"]
    assert named(found) == [("O:H2", 7, 3), ("O:H2", 11, 3)]


@pytest.mark.parametrize("molecules", [*EMPTY.values(), [HAND[3]]], ids=[*EMPTY, "one neighbour each"])
def test_no_environments(molecules):
    bonded = packed(molecules)
    found = Environments.of(bonded)
    assert found.names == []
    assert len(found) == len(found.centre) == len(found.molecule) == 0
    assert [len(part) for part in pairs(bonded, found.centre)] == [0, 0]
