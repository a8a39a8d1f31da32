"""Files of simulations hold whole frames, however a run ends."""

from io import FileIO

import ase
import numpy as np
import pytest
from ase import units
from ase.calculators.calculator import CalculationFailed
from ase.io import read
from wells import Well

from tutti.simulation import to_file
from tutti.simulation.guard import LostError
from tutti.simulation.simulate import Protocol
from tutti.simulation.to_file import run_to_file


def many():
    """Atoms whose frames are far larger than a file's buffer."""
    centres = np.random.default_rng(0).normal(scale=20, size=(500, 3))
    return ase.Atoms("C500", centres), Well(centres, 0.02)


def test_a_frame_is_in_the_file_at_once(tmp_path, monkeypatch):
    atoms, well = many()
    out, append, sizes = tmp_path / "md.extxyz", to_file._append, []

    def looked_at(file, frame):
        append(file, frame)
        sizes.append(out.stat().st_size)
        assert len(read(out, ":")) == len(sizes)

    monkeypatch.setattr(to_file, "_append", looked_at)
    run_to_file(atoms, well, Protocol("NVE", 300, 1, 4, 1, 0), out)
    assert len(sizes) == 5 and np.diff(sizes).min() > 50_000


class Full(FileIO):
    """A disk that takes no more than two and a half frames, and little at a time."""

    left = 250_000

    def write(self, data):
        if not self.left:
            raise OSError(28, "No space left on device")
        taken = min(len(data), self.left, 10_000)
        self.left -= taken
        return super().write(bytes(data[:taken]))


def test_what_a_full_disk_leaves_is_whole(tmp_path, monkeypatch):
    atoms, well = many()
    out, protocol = tmp_path / "md.extxyz", Protocol("NVE", 300, 1, 9, 1, 0)
    run_to_file(atoms, well, protocol, tmp_path / "whole.extxyz")
    monkeypatch.setattr(type(out), "open", lambda self, mode, buffering: Full(self, mode))
    with pytest.raises(OSError, match=r"md\.extxyz: no room: the disk is full"):
        run_to_file(atoms, well, protocol, out)
    monkeypatch.undo()
    lines = (tmp_path / "whole.extxyz").read_text().splitlines(keepends=True)
    kept = out.read_text()
    assert kept == "".join(lines[: kept.count("\n")]) and kept.count("\n") % 502 == 0 < len(kept)


def fail(*_):
    raise CalculationFailed("no convergence")


def test_there_is_no_file_without_a_frame(tmp_path, monkeypatch):
    atoms, well = many()
    monkeypatch.setattr(well, "calculate", fail)
    with pytest.raises(LostError, match=r"^the calculator failed: no convergence, at the start$"):
        run_to_file(atoms, well, Protocol("NVE", 300, 1, 9, 1, 0), tmp_path / "new/md.extxyz")
    assert not list(tmp_path.iterdir())


def test_the_drift_is_that_of_the_total_energy(tmp_path):
    atoms, well = many()
    out = tmp_path / "md.extxyz"
    drift = run_to_file(atoms, well, Protocol("NVE", 300, 1, 400, 4, 0), out)
    frames = read(out, ":")
    energies = [frame.get_total_energy() for frame in frames]
    slope = 1000 / 500 * np.polyfit([frame.info["time"] / 1000 for frame in frames], energies, 1)[0]
    assert drift.slope == pytest.approx(slope, rel=1e-3, abs=1e-6)
    kinetic = 1.5 * 500 * units.kB * 300
    assert abs(drift.slope) < 0.01 * 1000 * kinetic / 500  # velocity Verlet loses nothing
