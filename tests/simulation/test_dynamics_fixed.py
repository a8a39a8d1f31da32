"""Atoms that constraints hold: they do not move and have no part in the temperature."""

import ase
import numpy as np
import pytest
from ase import units
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms, FixBondLengths
from wells import Killed, Well, copper

from tutti.simulation import runner
from tutti.simulation.path_integral import RingPolymerProtocol, one_by_one, simulate_ring_polymer
from tutti.simulation.simulate import Protocol, simulate
from tutti.simulation.to_file import trajectory


def half_fixed(n):
    """Wells at the corners of a lattice, every second one with an atom that is fixed beside its centre."""
    centres = 4.0 * np.stack(np.unravel_index(np.arange(n), (8, 8, 8)), axis=1)
    constraint = FixAtoms(np.arange(0, n, 2))
    return ase.Atoms(f"C{n}", centres + np.array([0.1, 0.2, 0.3]), constraint=constraint), centres


def test_fixed_atoms_have_no_part_in_the_temperature(tmp_path):
    n, omega, temperature = 400, 0.1, 250
    atoms, centres = half_fixed(n)
    protocol = Protocol("NVT", temperature, 1, 2000, 20, 1, friction=0.05)
    run = simulate(atoms, Well(centres, omega), protocol, tmp_path, "well")
    np.testing.assert_array_equal(run.positions[:, ::2], np.tile(atoms.positions[::2], (len(run), 1, 1)))
    assert not run.velocities[:, ::2].any()
    run = run[20:]
    assert run.temperature.mean() == pytest.approx(temperature, rel=0.015)
    variance = units.kB * temperature / (12.011 * (omega / units.fs) ** 2)
    assert np.mean((run.positions - centres)[:, 1::2] ** 2) == pytest.approx(variance, rel=0.02)


def test_fixed_atoms_at_constant_energy(tmp_path):
    atoms, centres = half_fixed(6)
    run = simulate(atoms, Well(centres, 0.02), Protocol("NVE", 350, 0.1, 100, 10, 3), tmp_path, "well")
    assert run.temperature[0] == pytest.approx(350, rel=1e-12)
    assert run.kinetic_energy[0] == pytest.approx(9 / 2 * units.kB * 350, rel=1e-12)
    assert np.abs(run.velocities[0].sum(axis=0)).min() > 1e-4  # what holds atoms takes up momentum
    away = (atoms.positions - centres)[1::2]
    angle = 0.02 * run.times[:, None, None]
    expected = centres[1::2] + away * np.cos(angle) + run.velocities[0, 1::2] / 0.02 * np.sin(angle)
    np.testing.assert_allclose(run.positions[:, 1::2], expected, atol=1e-5)
    np.testing.assert_array_equal(run.positions[:, ::2], np.tile(atoms.positions[::2], (len(run), 1, 1)))
    frames = list(trajectory(atoms, Well(centres, 0.02), Protocol("NVE", 350, 0.1, 100, 10, 3)))
    for i, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.positions, run.positions[i])
        assert [constraint.index.tolist() for constraint in frame.constraints] == [[0, 2, 4]]
        forces = -12.011 * (0.02 / units.fs) ** 2 * (frame.positions - centres)
        np.testing.assert_allclose(frame.get_forces(apply_constraint=False), forces, rtol=1e-12)


def test_a_killed_simulation_with_fixed_atoms_goes_on(tmp_path, monkeypatch):
    atoms, protocol = copper(), Protocol("NVT", 400, 2, 24, 3, 5)
    atoms.set_constraint(FixAtoms([1]))
    whole = simulate(atoms, EMT(), protocol, tmp_path / "whole", "emt")
    monkeypatch.setattr(runner, "PART_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        simulate(atoms, Killed(8), protocol, tmp_path / "parts", "emt")
    resumed = simulate(atoms, EMT(), protocol, tmp_path / "parts", "emt")
    np.testing.assert_array_equal(resumed.positions, whole.positions)
    free = simulate(copper(), EMT(), protocol, tmp_path / "parts", "emt")  # not the parts of the other
    assert np.ptp(free.positions[:, 1], axis=0).min() > 0.001


def test_constraints_that_cannot_be_kept_are_refused(tmp_path):
    atoms, centres = half_fixed(4)
    protocol = Protocol("NVE", 300, 1, 5, 1, 0)
    atoms.set_constraint(FixBondLengths([[0, 1]]))
    with pytest.raises(ValueError, match="atoms with FixBondLengths: of ASE's constraints only FixAtoms"):
        simulate(atoms, Well(centres, 0.02), protocol, tmp_path, "well")
    atoms.set_constraint(FixAtoms(range(4)))
    with pytest.raises(ValueError, match="all atoms are fixed: nothing moves"):
        simulate(atoms, Well(centres, 0.02), protocol, tmp_path, "well")
    atoms.set_constraint(FixAtoms([2]))
    rings = RingPolymerProtocol(beads=2, temperature=300, time_step=0.5, duration=10, interval=5, seed=0)
    forces = one_by_one(atoms, Well(centres, 0.02))
    with pytest.raises(ValueError, match="atoms are fixed, which ring polymers cannot be"):
        simulate_ring_polymer(atoms, forces, rings, tmp_path, "well")
