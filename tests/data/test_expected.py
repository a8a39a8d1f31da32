"""What is known of sets before they are made, against the sets themselves and the publications."""

import numpy as np
import pytest

from tutti import io
from tutti.core.structures import Structures
from tutti.data import c20, li4p2o7, lips, md17_ccsdt, qm9, rmd17, shipped, trajectory, water16
from tutti.data.expected import is_periodic, most_structures
from tutti.data.file import Config


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (trajectory.Config(smiles="CCO"), 2000),
        (c20.Config(frames=30), 30),
        (qm9.Config(), 130_831),
        (qm9.Config(expected_molecules=None), None),
        (rmd17.Config(molecule="azobenzene"), 99_988),
        (md17_ccsdt.Config(molecule="toluene"), 1501),
        (md17_ccsdt.Config(molecule="toluene", expected_frames=None), None),
        (lips.Config(), 25_001),
        (lips.Config(expected_frames=9), 9),
        (li4p2o7.Config(), None),
        (object(), None),
    ],
)
def test_kinds_of_known_size(config, count):
    assert most_structures(config) == count


@pytest.mark.parametrize("path", sorted(shipped.EMBEDDED.glob("qm9*.npz")), ids=lambda path: path.name)
def test_sets_that_ship(path):
    config = qm9.Config(shipped=path.name, shipped_sha256="any")
    assert most_structures(config) == len(Structures.load(path))


@pytest.fixture
def structures():
    rng = np.random.default_rng(0)
    return Structures.from_frames([(np.ones(n, int), rng.normal(size=(n, 3))) for n in (3, 1, 4, 1, 5)])


def test_files_are_counted_as_their_readers_count(structures, tmp_path):
    structures.save(tmp_path / "own.npz")
    lines = []
    for i in range(len(structures)):
        numbers, positions = structures.frame(i)
        lines += [str(len(numbers)), "", *(f"H {x} {y} {z}" for x, y, z in positions)]
    (tmp_path / "frames.extxyz").write_text("\n".join(lines) + "\n\n")
    for name in ("own.npz", "frames.extxyz"):
        assert most_structures(Config(tmp_path / name)) == len(io.read(tmp_path / name)) == 5


@pytest.mark.parametrize("names", [("R", "z"), ("coords", "nuclear_charges")])
def test_trajectories_of_others(names, tmp_path):
    np.savez(tmp_path / "md.npz", **dict(zip(names, (np.zeros((6, 2, 3)), np.ones(2)), strict=True)))
    assert most_structures(Config(tmp_path / "md.npz")) == 6


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.xyz", "2\n\nH 0 0 0\n"),
        ("text.xyz", "no frames\n"),
        ("zip.npz", "no zip"),
        ("notes.md", "2\n"),
    ],
)
def test_what_is_wrong_with_a_file_is_left_to_its_reader(name, content, tmp_path):
    (tmp_path / name).write_text(content)
    assert most_structures(Config(tmp_path / name)) is None


def test_arrays_without_a_known_name_and_folders_are_not_counted(tmp_path):
    np.savez(tmp_path / "other.npz", y=np.zeros(3))
    assert most_structures(Config(tmp_path / "other.npz")) is None
    assert most_structures(Config(tmp_path)) is None


def test_periodic_kinds():
    assert is_periodic(water16.Config()) and is_periodic(lips.Config()) and is_periodic(li4p2o7.Config())
    assert not is_periodic(c20.Config()) and not is_periodic(qm9.Config())
