"""Molecular dynamics into a file that grows: `tutti md`."""

from collections.abc import Iterator
from io import FileIO, StringIO
from itertools import chain, islice
from pathlib import Path

import ase
import numpy as np
from ase.calculators.calculator import Calculator as AseCalculator
from ase.io.extxyz import write_xyz

from tutti.core.files import needs_room
from tutti.core.progress import Progress
from tutti.simulation.analysis.drift import Drift, line
from tutti.simulation.guard import ExplosionError, LostError
from tutti.simulation.relaxation import with_results
from tutti.simulation.simulate import Protocol, at_start, first_frame, following


def run_to_file(atoms: ase.Atoms, calculator: AseCalculator, protocol: Protocol, out: Path) -> Drift:
    """Simulate, and append every frame to `out` (extended xyz) as it comes: whole, however the run ends.

    A frame has energy, forces, momenta, its `time` (fs) and `temperature` (K), and which atoms are fixed.

    Args:
        atoms: where it starts.
        calculator: gives energy and forces.
        protocol: see `tutti.simulation.simulate.Protocol`.
        out: a new file.

    Returns:
        The drift of the total energy, which is that of the calculator and time step at constant energy only.

    Raises:
        FileExistsError: when `out` is there already.
        DiskFullError: when it has no room; the frames before are in it.
        LostError: when the simulation cannot go on; the frames before, if there are any, are in `out`.
        ValueError: see `tutti.simulation.simulate.at_start`.
    """
    if out.exists():
        raise FileExistsError(f"{out}: exists already; delete it or write to another file")
    frames = trajectory(atoms, calculator, protocol)
    first = next(frames)  # without one there is no file
    out.parent.mkdir(parents=True, exist_ok=True)
    progress = Progress(f"{protocol.ensemble} of {atoms.get_chemical_formula()}", protocol.n_frames + 1)
    times, energies = [], []
    with needs_room(out), out.open("xb", buffering=0) as file:
        for frame in chain([first], frames):
            _append(file, frame)
            times.append(frame.info["time"])
            energies.append(frame.get_total_energy())
            progress.update(1, temperature=frame.info["temperature"])
    progress.close()
    return line(np.array(times), np.array(energies), len(atoms))


def _append(file: FileIO, frame: ase.Atoms) -> None:
    """Write one frame, or nothing of it where the disk is full or the user stops it."""
    text, before = StringIO(), file.tell()
    write_xyz(text, frame)
    rest = memoryview(text.getvalue().encode())
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except BaseException:
        file.truncate(before)
        raise


def trajectory(atoms: ase.Atoms, calculator: AseCalculator, protocol: Protocol) -> Iterator[ase.Atoms]:
    """The frames of `tutti.simulation.simulate.simulate`, from the first one, with their forces.

    Raises:
        LostError: when it cannot go on.
    """
    moving, dof = at_start(atoms, calculator, protocol)
    first = first_frame(moving, dof, protocol)
    if first.failure:
        raise LostError(f"{first.failure}, at the start")
    try:
        for frame in chain([first], islice(following(first, moving, dof, protocol), protocol.n_frames)):
            kept = with_results(moving)
            kept.info |= {"time": float(frame.times[0]), "temperature": float(frame.temperature[0])}
            yield kept
    except ExplosionError as error:
        raise LostError(f"{error} after {error.step * protocol.time_step:g} fs") from error
