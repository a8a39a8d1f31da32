import numpy as np

from tutti.core.structures import Structures
from tutti.data import c20
from tutti.data.c20 import Config


def test_starts_are_different_cages():
    starts = c20.starts(Config(replicas=2))
    assert starts.n_atoms.tolist() == [20, 20] and set(starts.numbers.tolist()) == {6}
    (_, first), (_, second) = starts.frame(0), starts.frame(1)
    assert 0 < np.abs(first - second).max() < 0.2


def test_frames_are_of_a_cage_at_its_temperature(tmp_path):
    config = Config(frames=4, replicas=2, interval=2.0, equilibration=2.0)
    c20.make(config, tmp_path / "c20.npz", tmp_path / "work", jobs=2)
    made = Structures.load(tmp_path / "c20.npz")
    assert len(made) == 4 and made.energy is not None and np.isfinite(made.forces).all()
    for i in range(4):
        _, positions = made.frame(i)
        distances = np.linalg.norm(positions[:, None] - positions, axis=-1)
        assert ((distances < 1.8).sum(axis=1) == 4).all()  # itself and three bonds
