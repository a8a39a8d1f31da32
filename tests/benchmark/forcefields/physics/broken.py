"""Calculators with one known fault each."""

import numpy as np
from ase.calculators.calculator import Calculator, all_changes


class Pairs(Calculator):
    """A sum over pairs of energy(r), with forces of -slope(r); faults are put in by the other arguments.

    Args:
        energy: of r [P], eV.
        slope: its derivative, eV/Å.
        forces: times too large.
        of_all: eV times the square of the number of atoms, which is not extensive.
        field: eV/Å times the sum of x, which is not invariant.
        nearest: Å, below which it fails.
    """

    implemented_properties = ("energy", "forces")

    def __init__(self, energy, slope, forces=1.0, of_all=0.0, field=0.0, nearest=0.0):
        super().__init__()
        self.pair, self.slope, self.times = energy, slope, forces
        self.of_all, self.field, self.nearest = of_all, field, nearest

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        n = len(atoms)
        first, second = np.triu_indices(n, 1)
        vectors = atoms.positions[second] - atoms.positions[first]
        r = np.linalg.norm(vectors, axis=1)
        if (r < self.nearest).any():
            raise RuntimeError("atoms too near; sorry\nand more")
        on_second = -self.slope(r)[:, None] * vectors / r[:, None]
        forces = np.zeros((n, 3))
        np.add.at(forces, second, on_second)
        np.add.at(forces, first, -on_second)
        forces[:, 0] -= self.field
        energy = self.pair(r).sum() + self.of_all * n**2 + self.field * atoms.positions[:, 0].sum()
        self.results = {"energy": energy, "forces": self.times * forces}


DEPTH, WIDTH, BOND = 4.0, 2.0, 1.2


def morse(r):
    return DEPTH * ((1 - np.exp(-WIDTH * (r - BOND))) ** 2 - 1)


def morse_slope(r):
    away = np.exp(-WIDTH * (r - BOND))
    return 2 * DEPTH * WIDTH * away * (1 - away)


def nothing(r):
    return np.zeros_like(r)
