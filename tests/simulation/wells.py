"""Calculators of which everything is known in closed form, and trajectories made up."""

import numpy as np
from ase import units
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT

from tutti.simulation.trajectory import Trajectory


class Well(Calculator):
    """Every atom in an isotropic harmonic well of its own, of one angular frequency (1/fs)."""

    implemented_properties = ("energy", "forces")

    def __init__(self, centres, frequency):
        super().__init__()
        self.centres, self.frequency, self.calls = centres, frequency, 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.calls += 1
        stiffness = atoms.get_masses()[:, None] * (self.frequency / units.fs) ** 2
        away = atoms.positions - self.centres
        self.results = {"energy": np.sum(stiffness * away**2) / 2, "forces": -stiffness * away}


def copper():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=1)
    return atoms


class Killed(EMT):
    """Ends like a killed job after so many calculations."""

    def __init__(self, after):
        super().__init__()
        self.left = after

    def calculate(self, *arguments):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        super().calculate(*arguments)


def trajectory(positions, *, velocities=None, numbers=None, cell=None, interval=1.0, energy=None, **fields):
    """A trajectory [F, n, 3] with a frame every `interval` fs."""
    positions = np.asarray(positions, dtype=float)
    n_frames, n = len(positions), positions.shape[-2]
    zeros = np.zeros(n_frames)
    return Trajectory(
        numbers=np.full(n, 6) if numbers is None else np.asarray(numbers),
        masses=np.full(n, 12.0) if "masses" not in fields else fields.pop("masses"),
        cell=np.zeros((3, 3)) if cell is None else np.asarray(cell, dtype=float),
        pbc=np.full(3, cell is not None),
        time_step=interval,
        steps=np.arange(n_frames),
        positions=positions,
        velocities=np.zeros_like(positions) if velocities is None else velocities,
        potential_energy=zeros if energy is None else np.asarray(energy, dtype=float),
        kinetic_energy=zeros,
        temperature=zeros,
        **fields,
    )
