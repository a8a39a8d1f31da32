"""Quantum nuclei: path-integral dynamics of ring polymers with the PILE-L thermostat.

Ceriotti, Parrinello, Markland, Manolopoulos, J. Chem. Phys. 133, 124104 (2010). Every nucleus becomes a ring
of P beads at the temperature P·T, neighbours held together by springs of frequency P/(βħ). The free ring
polymer is propagated exactly in its normal modes; each mode but the centroid has a Langevin thermostat of its
own, critically damped.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import ase
import numpy as np
from ase import units
from ase.calculators.calculator import Calculator

from tutti.core.randomness import numpy_generator
from tutti.simulation.guard import (
    ExplosionError,
    Guard,
    LostError,
    check_forces,
    check_positions,
    extent,
)
from tutti.simulation.runner import run
from tutti.simulation.simulate import describe
from tutti.simulation.start import check_numbers, held_atoms
from tutti.simulation.trajectory import Trajectory

HBAR = units._hbar * units.J * units.second
"""In ASE's units, eV · Å · √(amu/eV)."""

BeadForces = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From positions [P, n, 3] (Å) to energies [P] (eV) and forces [P, n, 3] (eV/Å)."""


@dataclass(frozen=True)
class RingPolymerProtocol:
    """How to simulate.

    Attributes:
        beads: P; 1 is classical Langevin dynamics.
        temperature: T, K.
        time_step: fs.
        duration: fs.
        interval: time steps between frames that are kept.
        seed: of the first velocities and the thermostat.
        centroid_time: relaxation time of the centroid's thermostat, fs.
        hottest: the simulation has failed when the momenta of its beads are hotter than P times this, K.

    Raises:
        ValueError: when a number is not positive and finite; says which.
    """

    beads: int
    temperature: float
    time_step: float
    duration: float
    interval: int
    seed: int
    centroid_time: float = 100.0
    hottest: float = 10_000.0

    def __post_init__(self) -> None:
        check_numbers(self, "beads", "centroid_time")

    @property
    def n_frames(self) -> int:
        """Frames after the first one."""
        return round(self.duration / (self.time_step * self.interval))


def bead_forces(atoms: ase.Atoms, calculator: Calculator) -> BeadForces:
    """Forces on beads: in one batch where the calculator has `energies_and_forces`, else one by one."""
    if hasattr(calculator, "energies_and_forces"):
        return partial(calculator.energies_and_forces, atoms)
    return one_by_one(atoms, calculator)


def one_by_one(atoms: ase.Atoms, calculator: Calculator) -> BeadForces:
    """Forces on beads from an ASE calculator that takes one structure at a time."""
    bead = atoms.copy()
    bead.calc = Guard(calculator)

    def forces(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        energies, all_forces = np.empty(len(positions)), np.empty_like(positions)
        for k, coordinates in enumerate(positions):
            bead.positions = coordinates
            all_forces[k] = bead.get_forces()
            energies[k] = bead.get_potential_energy()
        return energies, all_forces

    return forces


def simulate_ring_polymer(
    atoms: ase.Atoms, forces: BeadForces, protocol: RingPolymerProtocol, folder: Path, identity: str
) -> Trajectory:
    """Simulate from rings whose beads all start at `atoms`; an explosion ends the trajectory with its reason.

    Args:
        atoms: with positions, masses and cell; they stay as they are.
        forces: on the beads, all at once.
        protocol: how to simulate.
        folder: of the parts from which a killed simulation goes on.
        identity: of the forces, such as the hash of weights: parts made with others are not used.

    Returns:
        The frames [F, P, n, 3] from step 0 on.

    Raises:
        ValueError: when atoms are fixed.
    """
    if held_atoms(atoms).any():
        raise ValueError("atoms are fixed, which ring polymers cannot be: free them, or simulate one bead")
    ring = Ring(atoms.get_masses(), atoms.pbc, forces, protocol)
    start = _first(atoms, ring)
    if start.failure:
        return start
    key = [identity, *describe(atoms), asdict(protocol)]
    what = f"{protocol.beads} beads of {atoms.get_chemical_formula()}"
    return run(start, partial(_follow, ring=ring), protocol.n_frames, folder, key, what)


class Ring:
    """Ring polymers of one system: their normal modes, and one time step."""

    def __init__(
        self, masses: np.ndarray, pbc: np.ndarray, forces: BeadForces, protocol: RingPolymerProtocol
    ) -> None:
        self.masses, self.pbc, self.protocol = masses[:, None], pbc, protocol
        self.step = protocol.time_step * units.fs
        self.thermal = units.kB * protocol.temperature * protocol.beads  # eV, of the beads' momenta
        self.modes = normal_modes(protocol.beads)
        self.frequencies = mode_frequencies(protocol.beads, protocol.temperature)[:, None, None]
        friction = 2 * self.frequencies
        friction[0] = 1 / (protocol.centroid_time * units.fs)
        self.kept = np.exp(-friction * self.step / 2)  # of a velocity in half a step of the thermostat
        self._forces = forces
        self._extent: float | None = None
        self._known: tuple[np.ndarray, tuple[np.ndarray, np.ndarray]] | None = None

    def forces(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies [P] and forces [P, n, 3] at positions [P, n, 3]; the last ones are remembered.

        Raises:
            LostError: when these or the positions make no sense.
        """
        if self._known is None or not np.array_equal(self._known[0], positions):
            if self._extent is None:
                self._extent = extent(positions)
            check_positions(positions, self.pbc, self._extent)
            energies, forces = self._forces(positions)
            check_forces(energies, forces)
            self._known = positions.copy(), (energies, forces)
        return self._known[1]

    def advance(
        self, positions: np.ndarray, velocities: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Positions and velocities [P, n, 3] a time step later: thermostat, kick, drift, kick, thermostat.

        Raises:
            LostError: see `forces`.
        """
        velocities = self._thermostat(velocities, generator)
        velocities = velocities + self.step / 2 * self.forces(positions)[1] / self.masses
        positions, velocities = self._free(positions, velocities)
        velocities = velocities + self.step / 2 * self.forces(positions)[1] / self.masses
        return positions, self._thermostat(velocities, generator)

    def thermal_velocities(self, generator: np.random.Generator) -> np.ndarray:
        """[P, n, 3] at the temperature P·T."""
        shape = (len(self.modes), len(self.masses), 3)
        return generator.standard_normal(shape) * np.sqrt(self.thermal / self.masses)

    def kinetic_energy(self, positions: np.ndarray, forces: np.ndarray) -> float:
        """Centroid virial estimator (eV): 3n/(2β) - Σ_k (x_k - x̄)·F_k / (2P)."""
        virial = np.sum((positions - positions.mean(axis=0)) * forces) / (2 * len(positions))
        return 1.5 * len(self.masses) * self.thermal / len(positions) - virial

    def temperature(self, velocities: np.ndarray) -> float:
        """T from the beads' velocities, K."""
        return float(np.sum(self.masses * velocities**2) / (velocities.size * units.kB * len(velocities)))

    def _thermostat(self, velocities: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        in_modes = np.tensordot(self.modes, velocities, axes=1)
        in_modes = self.kept * in_modes + np.sqrt(1 - self.kept**2) * self.thermal_velocities(generator)
        return np.tensordot(self.modes.T, in_modes, axes=1)

    def _free(self, positions: np.ndarray, velocities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The free ring polymer's exact motion: a rotation in the phase space of each normal mode."""
        x, v = (np.tensordot(self.modes, array, axes=1) for array in (positions, velocities))
        angle = self.frequencies * self.step
        travelled = self.step * np.sinc(angle / np.pi)  # sin(ωt)/ω, and t for the centroid
        moved = np.cos(angle) * x + travelled * v
        turned = np.cos(angle) * v - self.frequencies * np.sin(angle) * x
        return tuple(np.tensordot(self.modes.T, array, axes=1) for array in (moved, turned))


def normal_modes(beads: int) -> np.ndarray:
    """[P, P] orthogonal: row k is the normal mode k of a free ring of P beads."""
    mode, bead = np.meshgrid(np.arange(beads), np.arange(beads), indexing="ij")
    angle = 2 * np.pi * mode * bead / beads
    modes = np.sqrt(2 / beads) * np.where(2 * mode <= beads, np.cos(angle), np.sin(angle))
    modes[(mode == 0) | (2 * mode == beads)] /= np.sqrt(2)
    return modes


def mode_frequencies(beads: int, temperature: float) -> np.ndarray:
    """[P] frequencies 2P/(βħ) sin(kπ/P) of the normal modes, in ASE's units, at `temperature` in K."""
    spring = beads * units.kB * temperature / HBAR
    return 2 * spring * np.sin(np.arange(beads) * np.pi / beads)


def _first(atoms: ase.Atoms, ring: Ring) -> Trajectory:
    """The first frame; with a failure and no energy when there are no forces."""
    positions = np.repeat(atoms.positions[None], ring.protocol.beads, axis=0)
    velocities = ring.thermal_velocities(numpy_generator(ring.protocol.seed, "bead velocities"))
    try:
        energies, forces = ring.forces(positions)
        potential, kinetic, failure = energies.mean(), ring.kinetic_energy(positions, forces), ""
    except LostError as error:
        potential, kinetic, failure = np.nan, np.nan, str(error)
    return Trajectory(
        numbers=atoms.numbers.copy(),
        masses=atoms.get_masses(),
        cell=atoms.cell.array.copy(),
        pbc=atoms.pbc.copy(),
        time_step=ring.protocol.time_step,
        steps=np.zeros(1, np.int64),
        positions=positions[None],
        velocities=velocities[None] * units.fs,
        potential_energy=np.array([potential]),
        kinetic_energy=np.array([kinetic]),
        temperature=np.array([ring.temperature(velocities)]),
        failure=failure,
        failure_time=0.0 if failure else np.nan,
    )


def _follow(last: Trajectory, ring: Ring) -> Iterator[Trajectory]:
    """The frames after `last`, without end.

    Raises:
        ExplosionError: when there is no next one.
    """
    while True:
        last = _next(last, ring)
        yield last


def _next(last: Trajectory, ring: Ring) -> Trajectory:
    positions, velocities = last.positions[-1], last.velocities[-1] / units.fs
    step = int(last.steps[-1])
    generator = numpy_generator(ring.protocol.seed, "bead bath", step)
    try:
        for _ in range(ring.protocol.interval):
            step += 1
            positions, velocities = ring.advance(positions, velocities, generator)
            if not (temperature := ring.temperature(velocities)) <= ring.protocol.hottest:
                raise ExplosionError(f"hotter than {ring.protocol.hottest:g} K", step)
        energies, forces = ring.forces(positions)
    except LostError as error:
        raise ExplosionError(str(error), step) from error
    return replace(
        last,
        steps=np.array([step]),
        positions=positions[None],
        velocities=velocities[None] * units.fs,
        potential_energy=np.array([energies.mean()]),
        kinetic_energy=np.array([ring.kinetic_energy(positions, forces)]),
        temperature=np.array([temperature]),
    )
