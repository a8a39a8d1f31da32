"""Classical dynamics with ASE: constant energy (velocity Verlet) or constant temperature (Langevin)."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import ase
import numpy as np
from ase import units
from ase.calculators.calculator import Calculator
from ase.constraints import FixAtoms
from ase.md.langevin import Langevin
from ase.md.md import MolecularDynamics
from ase.md.verlet import VelocityVerlet

from tutti.core.randomness import numpy_generator
from tutti.simulation.guard import ExplosionError, Guard, LostError
from tutti.simulation.runner import run
from tutti.simulation.start import check_numbers, held_atoms
from tutti.simulation.trajectory import Trajectory
from tutti.simulation.whole import whole_motions


@dataclass(frozen=True)
class Protocol:
    """How to simulate.

    Attributes:
        ensemble: `NVE` or `NVT`.
        temperature: K; of the first velocities, and in NVT of the bath.
        time_step: fs.
        duration: fs.
        interval: time steps between frames that are kept.
        seed: of the first velocities and the bath.
        friction: of the bath, 1/fs.
        hottest: the simulation has failed when its atoms are hotter than this, K.

    Raises:
        ValueError: when the ensemble is unknown, or a number is not positive and finite; says which.
    """

    ensemble: Literal["NVE", "NVT"]
    temperature: float
    time_step: float
    duration: float
    interval: int
    seed: int
    friction: float = 0.01
    hottest: float = 10_000.0

    def __post_init__(self) -> None:
        if self.ensemble not in ("NVE", "NVT"):
            raise ValueError(f"the ensemble '{self.ensemble}' is neither NVE nor NVT")
        check_numbers(self, "friction")

    @property
    def n_frames(self) -> int:
        """Frames after the first one."""
        return round(self.duration / (self.time_step * self.interval))


def simulate(
    atoms: ase.Atoms, calculator: Calculator, protocol: Protocol, folder: Path, identity: str
) -> Trajectory:
    """Simulate from `atoms`, which stay as they are; an explosion ends the trajectory with its reason.

    The first velocities are drawn from the Maxwell-Boltzmann distribution. In NVE a free molecule neither
    moves nor rotates, a periodic system does not move, and velocities are scaled so that the temperature of
    what is left is exact. In NVT nothing is taken out, for the bath moves the whole, too. Atoms that ASE's
    `FixAtoms` hold do not move and have no degrees of freedom; where there are any, nothing is taken out.

    Args:
        atoms: with positions, masses, cell and constraints.
        calculator: gives energy and forces.
        protocol: how to simulate.
        folder: of the parts from which a killed simulation goes on.
        identity: of the calculator, such as the hash of its weights: parts made with another are not used.

    Returns:
        The frames from step 0 on.
    """
    moving, dof = at_start(atoms, calculator, protocol)
    start = first_frame(moving, dof, protocol)
    if start.failure:
        return start
    key = [identity, *describe(moving), asdict(protocol)]
    follow = partial(following, atoms=moving, dof=dof, protocol=protocol)
    what = f"{protocol.ensemble} of {moving.get_chemical_formula()}"
    return run(start, follow, protocol.n_frames, folder, key, what)


def at_start(atoms: ase.Atoms, calculator: Calculator, protocol: Protocol) -> tuple[ase.Atoms, int]:
    """A copy with its first velocities and a guarded calculator, and its degrees of freedom.

    Raises:
        ValueError: without a degree of freedom, or with constraints other than `FixAtoms`.
    """
    moving = ase.Atoms(
        atoms.numbers,
        atoms.positions,
        masses=atoms.get_masses(),
        cell=atoms.cell,
        pbc=atoms.pbc,
        constraint=FixAtoms(mask=held) if (held := held_atoms(atoms)).any() else None,
    )
    velocities, dof = _first_velocities(moving, protocol)
    moving.set_velocities(velocities)
    moving.calc = Guard(calculator)
    return moving, dof


def _first_velocities(atoms: ase.Atoms, protocol: Protocol) -> tuple[np.ndarray, int]:
    """Velocities [n, 3] in ASE's units, and their degrees of freedom.

    Raises:
        ValueError: without a degree of freedom.
    """
    root = np.sqrt(atoms.get_masses())[:, None]
    thermal = units.kB * protocol.temperature
    generator = numpy_generator(protocol.seed, "velocities")
    weighted = np.sqrt(thermal) * generator.standard_normal(atoms.positions.shape)
    held = held_atoms(atoms)
    if held.all():
        raise ValueError("all atoms are fixed: nothing moves")
    weighted[held] = 0
    dof = 3 * np.count_nonzero(~held)
    if protocol.ensemble == "NVT":
        return weighted / root, dof
    if not held.any():
        whole = whole_motions(atoms)
        dof -= whole.shape[1]
        weighted -= (whole @ (whole.T @ weighted.ravel())).reshape(-1, 3)
    if dof == 0:
        raise ValueError("a single atom has no motion at constant energy")
    return weighted / root * np.sqrt(dof * thermal / np.sum(weighted**2)), dof


def describe(atoms: ase.Atoms) -> list[Any]:
    """Numbers, positions, masses, cell and fixed atoms as JSON types: what, with forces, makes a system."""
    arrays = (
        *(atoms.numbers, atoms.positions, atoms.get_masses(), atoms.cell.array, atoms.pbc),
        held_atoms(atoms),
    )
    return [array.tolist() for array in arrays]


def steps(
    atoms: ase.Atoms,
    dof: int,
    protocol: Protocol,
    bath: Callable[[int], np.random.Generator],
    done: int = 0,
) -> Iterator[int]:
    """Move `atoms`, and yield the number of time steps done whenever there is a frame, without end.

    Args:
        atoms: with velocities and a calculator; what is changed of them at a frame counts from there on.
        dof: degrees of freedom, for their temperature.
        protocol: how to simulate.
        bath: random stream of the time steps until the next frame, from the number of those done.
        done: time steps done before.

    Raises:
        ExplosionError: when it cannot go on.
    """
    dynamics = _integrator(atoms, protocol)
    while True:
        dynamics.rng = bath(done)
        for _ in range(protocol.interval):
            done += 1
            try:
                dynamics.step()
            except LostError as error:
                raise ExplosionError(str(error), done) from error
            if not _temperature(atoms, dof) <= protocol.hottest:
                raise ExplosionError(f"hotter than {protocol.hottest:g} K", done)
        yield done


def _integrator(atoms: ase.Atoms, protocol: Protocol) -> MolecularDynamics:
    """Velocity Verlet or Langevin, whose `rng` `steps` sets."""
    step = protocol.time_step * units.fs
    if protocol.ensemble == "NVE":
        return VelocityVerlet(atoms, step)
    friction = protocol.friction / units.fs
    return Langevin(atoms, step, temperature_K=protocol.temperature, friction=friction, fixcm=False)


def first_frame(atoms: ase.Atoms, dof: int, protocol: Protocol) -> Trajectory:
    """The first frame; with a failure and no energy when there are no forces."""
    try:
        energy, failure = atoms.get_potential_energy(), ""
    except LostError as error:
        energy, failure = np.nan, str(error)
    return Trajectory(
        numbers=atoms.numbers.copy(),
        masses=atoms.get_masses(),
        cell=atoms.cell.array.copy(),
        pbc=atoms.pbc.copy(),
        time_step=protocol.time_step,
        **_of_frame(atoms, dof, 0, energy),
        failure=failure,
        failure_time=0.0 if failure else np.nan,
    )


def following(last: Trajectory, atoms: ase.Atoms, dof: int, protocol: Protocol) -> Iterator[Trajectory]:
    """The frames after `last`, without end, each from the one before as it is on disk; `atoms` follow.

    Raises:
        ExplosionError: when there is no next one.
    """
    atoms.positions = last.positions[-1]
    atoms.set_velocities(last.velocities[-1] / units.fs)
    bath = partial(numpy_generator, protocol.seed, "bath")
    for step in steps(atoms, dof, protocol, bath, int(last.steps[-1])):
        last = replace(last, **_of_frame(atoms, dof, step, atoms.get_potential_energy()))
        atoms.set_velocities(last.velocities[-1] / units.fs)
        yield last


def _of_frame(atoms: ase.Atoms, dof: int, step: int, energy: float) -> dict[str, np.ndarray]:
    """What a trajectory holds of one frame."""
    return {
        "steps": np.array([step], np.int64),
        "positions": atoms.positions[None].copy(),
        "velocities": atoms.get_velocities()[None] * units.fs,
        "potential_energy": np.array([energy]),
        "kinetic_energy": np.array([atoms.get_kinetic_energy()]),
        "temperature": np.array([_temperature(atoms, dof)]),
    }


def _temperature(atoms: ase.Atoms, dof: int) -> float:
    return 2 * atoms.get_kinetic_energy() / (dof * units.kB)
