"""Ring sizes against the minimum cycle basis of the graph of bonds (networkx)."""

import networkx
import numpy as np
import pytest
from bond_samples import ASSIGNERS, sample, together

from known_molecules import known
from tutti.chemistry.bonds import lookup, xyz2mol
from tutti.chemistry.bonds.assignment import Reason
from tutti.core import registry

_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
CUBANE = sample([6] * 8 + [1] * 8, np.concatenate([_CORNERS * 0.785, _CORNERS * (0.785 + 1.09 / 3**0.5)]))


def brute_force(verdict) -> list[int]:
    graph = networkx.Graph()
    graph.add_edges_from(zip(verdict.bonds.first.tolist(), verdict.bonds.second.tolist(), strict=True))
    return sorted(map(len, networkx.minimum_cycle_basis(graph)))


@pytest.mark.parametrize("name", ASSIGNERS)
def test_real_molecules(qm7, name):
    assign = registry.module("bonds", name).assign
    verdicts = [assign(*qm7.frame(i)) for i in range(600)]
    for verdict in verdicts:
        assert list(verdict.ring_sizes) == (brute_force(verdict) if verdict.valid else [])
    assert {size for verdict in verdicts for size in verdict.ring_sizes} >= {3, 4, 5, 6}


@pytest.mark.parametrize(
    ("molecule", "sizes"),
    [
        (known("CH4"), ()),
        (known("C6H6"), (6,)),
        (known("bicyclobutane"), (3, 3)),
        (CUBANE, (4, 4, 4, 4, 4)),
        (known("C60"), (5,) * 12 + (6,) * 19),
        (together(known("C6H6"), known("CH4")), (6,)),
        (together(known("C6H6"), known("CH4"), CUBANE, known("cyclobutane")), (4, 4, 4, 4, 4, 4, 6)),
    ],
    ids=["methane", "benzene", "bicyclobutane", "cubane", "fullerene", "two molecules", "four molecules"],
)
@pytest.mark.parametrize("assign", [xyz2mol.assign, lookup.assign], ids=["xyz2mol", "lookup"])
def test_known_molecules(assign, molecule, sizes):
    verdict = assign(*molecule)
    assert verdict.valid
    assert verdict.ring_sizes == sizes
    assert brute_force(verdict) == list(sizes)


def test_a_sample_that_is_not_valid_has_none():
    numbers, positions = known("C6H6")
    verdict = lookup.assign(np.where(numbers == 1, 7, 9).astype(np.uint8), positions)
    assert verdict.reason == Reason.VALENCE
    assert verdict.ring_sizes == ()
