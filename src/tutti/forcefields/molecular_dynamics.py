"""Molecular dynamics into a file that grows: `tutti md`.

The tables' simulations, which go on from where they were stopped, are in `tutti.dynamics.simulate`.
"""

from collections.abc import Iterator
from pathlib import Path

import ase
from ase import units
from ase.calculators.calculator import Calculator as AseCalculator
from ase.io.extxyz import write_xyz

from tutti.dynamics.guard import Guard, LostError
from tutti.dynamics.simulate import Protocol, first_velocities, integrator
from tutti.forcefields.relaxation import with_results
from tutti.progress import Progress
from tutti.randomness import numpy_generator


def run_to_file(atoms: ase.Atoms, calculator: AseCalculator, protocol: Protocol, out: Path) -> None:
    """Simulate, and append every frame to `out` (extended xyz) as it comes.

    A frame has energy, forces, momenta, its `time` (fs) and `temperature` (K).

    Args:
        atoms: where it starts.
        calculator: gives energy and forces.
        protocol: see `tutti.dynamics.simulate.Protocol`.
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
    """The frames of a simulation, from the first one.

    Raises:
        LostError: when it cannot go on.
    """
    moving = ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    velocities, dof = first_velocities(moving, protocol)
    moving.set_velocities(velocities)
    moving.calc = Guard(calculator)
    dynamics = integrator(moving, protocol)
    dynamics.rng = numpy_generator(protocol.seed, "bath")
    for index in range(protocol.n_frames + 1):
        time = index * protocol.interval * protocol.time_step
        try:
            if index:
                dynamics.run(protocol.interval)
            frame = with_results(moving)
        except LostError as error:
            raise LostError(f"{error}, before {time:g} fs") from error
        temperature = 2 * moving.get_kinetic_energy() / (dof * units.kB)
        if not temperature <= protocol.hottest:
            raise LostError(f"hotter than {protocol.hottest:g} K after {time:g} fs")
        frame.info |= {"time": time, "temperature": temperature}
        yield frame
