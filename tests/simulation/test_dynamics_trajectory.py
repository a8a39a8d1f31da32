"""Trajectories on disk."""

import numpy as np
import pytest
from wells import trajectory

from tutti.core.structures import Structures
from tutti.simulation.trajectory import Trajectory


@pytest.fixture
def walk():
    rng = np.random.default_rng(0)
    return trajectory(rng.normal(size=(5, 2, 3)), failure="hotter than 1 K", failure_time=7.5, interval=2.0)


def equal(a, b):
    return all(
        np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
        for x, y in zip(_arrays(a), _arrays(b), strict=True)
    )


def _arrays(t):
    return [np.asarray(v) for v in vars(t).values() if not isinstance(v, str)]


@pytest.mark.parametrize("failure", [{}, {"failure": "forces are not finite", "failure_time": 3.0}])
def test_what_is_saved_is_loaded(tmp_path, failure):
    saved = trajectory(np.arange(24.0).reshape(4, 2, 3), **failure)
    saved.save(tmp_path / "a.npz")
    loaded = Trajectory.load(tmp_path / "a.npz")
    assert equal(saved, loaded)
    assert loaded.failure == saved.failure
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_no_trajectory_is_said_so(tmp_path, walk):
    walk.save(tmp_path / "a.npz")
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="no complete"):
        Trajectory.load(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", positions=np.zeros(3))
    with pytest.raises(ValueError, match="not a trajectory"):
        Trajectory.load(tmp_path / "b.npz")
    with pytest.raises(FileNotFoundError):
        Trajectory.load(tmp_path / "c.npz")


def test_parts_make_the_whole(walk):
    assert equal(Trajectory.concatenate([walk[:2], walk[2:2], walk[2:]]), walk)
    with pytest.raises(ValueError, match="nothing"):
        Trajectory.concatenate([])


def test_times(walk):
    assert walk.times.tolist() == [0, 2, 4, 6, 8]
    assert (walk.interval, walk.duration) == (2.0, 7.5)
    assert trajectory(np.zeros((3, 1, 3)), interval=0.5).duration == 1.0
    with pytest.raises(ValueError, match="evenly"):
        _ = walk[:1].interval


def test_shapes_must_fit(walk):
    with pytest.raises(ValueError, match=r"masses has shape \(1,\), expected \(3,\)"):
        trajectory(np.zeros((2, 1, 3)), numbers=[1, 1, 1], masses=np.ones(1))
    with pytest.raises(ValueError, match="positions"):
        trajectory(np.zeros((2, 2, 2, 4, 3)))


def test_atoms_of_a_ring_polymer_are_its_centroids():
    beads = np.zeros((1, 2, 1, 3))
    beads[0, 1] = 1
    assert trajectory(beads).atoms(0).positions.tolist() == [[0.5, 0.5, 0.5]]


def test_frames_of_a_dataset():
    water = [8, 1, 1]
    frames = [(water, np.full((3, 3), k)) for k in range(4)]
    periodic = {"cell": np.stack([5 * np.eye(3)] * 4), "pbc": np.ones((4, 3), bool)}
    found = Trajectory.of_structures(Structures.from_frames(frames, energy=np.arange(4.0), **periodic), 2.0)
    assert found.numbers.tolist() == water and found.masses.tolist() == [15.999, 1.008, 1.008]
    assert found.positions[3].tolist() == [[3, 3, 3]] * 3 and found.cell[0, 0] == 5
    assert found.potential_energy.tolist() == [0, 1, 2, 3] and found.times.tolist() == [0, 2, 4, 6]
    assert np.isnan(found.velocities).all()
    other = Structures.from_frames([*frames[:3], ([1, 8, 1], np.zeros((3, 3)))])
    assert not Trajectory.of_structures(other[:3], 1).pbc.any()
    with pytest.raises(ValueError, match="same order"):
        Trajectory.of_structures(other, 1)
    shrinking = Structures.from_frames(frames, **periodic | {"cell": np.arange(4)[:, None, None] * np.eye(3)})
    with pytest.raises(ValueError, match="one cell"):
        Trajectory.of_structures(shrinking, 1)
    for wrong in (other[:0], Structures.from_frames([*frames, ([1], np.zeros((1, 3)))])):
        with pytest.raises(ValueError, match="same atoms"):
            Trajectory.of_structures(wrong, 1)
