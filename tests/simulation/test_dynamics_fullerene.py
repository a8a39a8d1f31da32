"""The C20 cage and its sizes."""

import numpy as np
import pytest
from wells import trajectory

from tutti.benchmark.forcefields.fullerene import sizes, table
from tutti.data.c20 import BOND_LENGTH, cage

GOLDEN = (1 + 5**0.5) / 2


def test_the_cage_is_a_dodecahedron():
    distances = cage().get_all_distances()
    np.fill_diagonal(distances, np.inf)
    assert np.isclose(distances, BOND_LENGTH).sum() == 60  # 30 edges, three at each corner
    assert (np.isclose(distances, BOND_LENGTH).sum(axis=1) == 3).all()
    np.testing.assert_allclose(distances.min(axis=1), BOND_LENGTH)
    np.fill_diagonal(distances, 0)
    np.testing.assert_allclose(distances.max(axis=1), 3**0.5 * GOLDEN * BOND_LENGTH)
    np.testing.assert_allclose(cage().positions.sum(axis=0), 0, atol=1e-12)


def breathing(n_frames, beads=()):
    """Cages scaled by 1 ± 0.1."""
    signs = np.resize([1.0, -1.0], (n_frames, *beads))
    return trajectory(cage().positions * (1 + 0.1 * signs)[..., None, None], masses=np.full(20, 12.0))


@pytest.mark.parametrize("beads", [(), (3,)])
def test_sizes(beads):
    found = sizes(breathing(4, beads))
    assert found["nearest_neighbour_distance"].shape == (4, *(beads or (1,)), 20)
    assert found["pair_distance"].shape[-1] == 190
    assert set(found["diameter"].ravel().round(9)) == {
        round(3**0.5 * GOLDEN * BOND_LENGTH * scale, 9) for scale in (1.1, 0.9)
    }


def test_table():
    rows = table(breathing(40), model="m", dataset="d", seed=0).set_index("metric")
    assert rows["value"]["nearest_neighbour_distance"] == pytest.approx(BOND_LENGTH)
    assert rows["value"]["nearest_neighbour_distance_deviation"] == pytest.approx(0.1 * BOND_LENGTH)
    assert rows["value"]["diameter_deviation"] == pytest.approx(0.1 * 3**0.5 * GOLDEN * BOND_LENGTH)
    assert set(rows["subset"]) == {"classical"} and set(rows["unit"]) == {"Å"}
    quantum = table(breathing(40, (8,)), model="m", dataset="d", seed=0)
    assert set(quantum["subset"]) == {"8 beads"}
    assert quantum["value"][0] == pytest.approx(BOND_LENGTH)
    none = table(breathing(40)[:0], model="m", dataset="d", seed=0)
    assert none["value"].isna().all() and set(none["note"]) == {"undefined: no frames"}
