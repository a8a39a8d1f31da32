"""When a simulation has lost its molecule, which depends on how large that was at the start."""

import ase
import numpy as np
import pytest
from wells import Well

from tutti.simulation.guard import FARTHEST, Guard, LostError
from tutti.simulation.path_integral import RingPolymerProtocol, one_by_one, simulate_ring_polymer
from tutti.simulation.simulate import Protocol, simulate


def chain(length, pbc=False):
    """Atoms on a line, the ends `length` Å apart."""
    positions = np.zeros((21, 3))
    positions[:, 0] = np.linspace(0, length, 21)
    return ase.Atoms("C21", positions, pbc=pbc, cell=[length + 2] * 3 if pbc else None)


@pytest.mark.parametrize("length", [10.0, 99.0, 400.0])
def test_an_atom_is_lost_when_it_is_farther_out_than_any_was(length):
    atoms = chain(length)
    atoms.calc = Guard(Well(atoms.positions.copy(), 1e-3))
    assert atoms.get_potential_energy() == 0
    inside, outside = (
        FARTHEST * 21 / 20 + sign for sign in (-0.1, 0.1)
    )  # one atom in 21 moves the mean, too
    atoms.positions[-1, 0] = length + inside
    assert atoms.get_potential_energy() > 0
    atoms.positions[-1, 0] = length + outside
    with pytest.raises(LostError, match="an atom is more than 50 Å farther out than any was at the start"):
        atoms.get_potential_energy()


def test_a_periodic_system_has_no_outside():
    atoms = chain(10.0, pbc=True)
    atoms.calc = Guard(Well(atoms.positions.copy(), 1e-3))
    atoms.get_potential_energy()
    atoms.positions[0] += 500.0
    assert atoms.get_potential_energy() > 0


def test_a_large_molecule_is_simulated(tmp_path):
    atoms = chain(400.0)
    well = Well(atoms.positions.copy(), 0.02)
    run = simulate(atoms, well, Protocol("NVT", 300, 0.5, 10, 5, 0), tmp_path / "classical", "well")
    assert run.failure == "" and len(run) == 5
    protocol = RingPolymerProtocol(beads=2, temperature=300, time_step=0.5, duration=10, interval=5, seed=0)
    rings = simulate_ring_polymer(atoms, one_by_one(atoms, well), protocol, tmp_path / "rings", "well")
    assert rings.failure == "" and len(rings) == 5


class WithStress(Well):
    implemented_properties = ("energy", "forces", "stress")
    stress = np.arange(6.0)

    def calculate(self, *arguments, **named):
        super().calculate(*arguments, **named)
        self.results["stress"] = self.stress


def test_the_stress_comes_along():
    atoms = chain(10.0, pbc=True)
    inner = WithStress(atoms.positions.copy(), 1e-3)
    atoms.calc = Guard(inner)
    np.testing.assert_array_equal(atoms.get_stress(), inner.stress)
    inner.stress = np.full(6, np.nan)
    atoms.positions[0] += 0.1
    with pytest.raises(LostError, match="the stress is not finite"):
        atoms.get_stress()
