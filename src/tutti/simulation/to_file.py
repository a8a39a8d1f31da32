"""Molecular dynamics into a file that grows: `tutti md`."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import ase
from ase.calculators.calculator import Calculator as AseCalculator
from ase.io.extxyz import write_xyz

from tutti.core.progress import Progress
from tutti.simulation.guard import ExplosionError, LostError
from tutti.simulation.relaxation import with_results
from tutti.simulation.simulate import Protocol, at_start, first_frame, following


def run_to_file(atoms: ase.Atoms, calculator: AseCalculator, protocol: Protocol, out: Path) -> None:
    """Simulate, and append every frame to `out` (extended xyz) as it comes.

    A frame has energy, forces, momenta, its `time` (fs) and `temperature` (K).

    Args:
        atoms: where it starts.
        calculator: gives energy and forces.
        protocol: see `tutti.simulation.simulate.Protocol`.
        out: a new file.

    Raises:
        FileExistsError: when `out` is there already.
        LostError: when the simulation cannot go on; the frames before are in `out`.
    """
    if out.exists():
        raise FileExistsError(f"{out}: exists already; delete it or write to another file")
    out.parent.mkdir(parents=True, exist_ok=True)
    progress = Progress(f"{protocol.ensemble} of {atoms.get_chemical_formula()}", protocol.n_frames + 1)
    with out.open("x", encoding="utf-8") as file:
        for frame in trajectory(atoms, calculator, protocol):
            write_xyz(file, frame)
            file.flush()
            progress.update(1, temperature=frame.info["temperature"])
    progress.close()


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
