"""Ring polymers against the exact results for P beads of a harmonic oscillator."""

import ase
import numpy as np
import pytest
from ase import units
from ase.calculators.emt import EMT
from scipy.linalg import expm
from wells import Well

from tutti.simulation import runner
from tutti.simulation.path_integral import (
    HBAR,
    Ring,
    RingPolymerProtocol,
    bead_forces,
    mode_frequencies,
    normal_modes,
    one_by_one,
    simulate_ring_polymer,
)

MASS, OMEGA, TEMPERATURE = 1.008, 0.4 * units.fs**-1, 300.0  # a stiff bond to hydrogen: βħω is 10
BETA = 1 / (units.kB * TEMPERATURE)


def harmonic(positions):
    stiffness = MASS * OMEGA**2
    return stiffness / 2 * np.sum(positions**2, axis=(1, 2)), -stiffness * positions


def exact_variance(beads):
    """⟨x²⟩ of the P-bead ring: Schweizer et al., J. Chem. Phys. 75, 1347 (1981), by its spring matrix."""
    springs = 2 * np.eye(beads) - np.roll(np.eye(beads), 1, axis=0) - np.roll(np.eye(beads), -1, axis=0)
    matrix = MASS * (beads / (BETA * HBAR)) ** 2 * springs + MASS * OMEGA**2 * np.eye(beads)
    return beads / BETA * np.trace(np.linalg.inv(matrix)) / beads


def test_hbar():
    in_ev_fs = 6.582119569e-16 * 1e15
    assert pytest.approx(in_ev_fs * units.fs, rel=1e-7) == HBAR


@pytest.mark.parametrize("beads", [1, 2, 3, 8])
def test_normal_modes_diagonalise_the_springs(beads):
    modes = normal_modes(beads)
    springs = 2 * np.eye(beads) - np.roll(np.eye(beads), 1, axis=0) - np.roll(np.eye(beads), -1, axis=0)
    springs *= (beads * units.kB * TEMPERATURE / HBAR) ** 2
    np.testing.assert_allclose(modes @ modes.T, np.eye(beads), atol=1e-14)
    squares = modes @ springs @ modes.T
    np.testing.assert_allclose(
        squares, np.diag(mode_frequencies(beads, TEMPERATURE) ** 2), atol=1e-10 * springs.max()
    )


def test_the_free_ring_polymer_moves_exactly():
    protocol = RingPolymerProtocol(4, TEMPERATURE, 5.0, 10, 1, 0)
    ring = Ring(np.array([MASS]), np.zeros(3, bool), harmonic, protocol)
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(2, 4, 1, 3))
    springs = 2 * np.eye(4) - np.roll(np.eye(4), 1, axis=0) - np.roll(np.eye(4), -1, axis=0)
    springs *= (4 * units.kB * TEMPERATURE / HBAR) ** 2
    generator = np.block([[np.zeros((4, 4)), np.eye(4)], [-springs, np.zeros((4, 4))]])
    moved = expm(generator * 5.0 * units.fs) @ np.concatenate([x, v])[:, 0]
    found = np.concatenate(ring._free(x, v))[:, 0]
    np.testing.assert_allclose(found, moved, atol=1e-10)


@pytest.mark.parametrize("beads", [1, 2, 8])
def test_harmonic_oscillator(beads, tmp_path):
    n = 300
    atoms = ase.Atoms(f"H{n}", np.zeros((n, 3)), masses=np.full(n, MASS))
    protocol = RingPolymerProtocol(beads, TEMPERATURE, 0.2, 300, 5, 4, centroid_time=10)
    run = simulate_ring_polymer(atoms, harmonic, protocol, tmp_path, "harmonic")[50:]
    variance = exact_variance(beads)
    assert run.positions.shape == (251, beads, n, 3)
    assert np.mean(run.positions**2) == pytest.approx(variance, rel=0.02)
    energy = 1.5 * MASS * OMEGA**2 * variance  # potential, and by the virial theorem kinetic
    assert run.potential_energy.mean() / n == pytest.approx(energy, rel=0.02)
    assert run.kinetic_energy.mean() / n == pytest.approx(energy, rel=0.02)
    assert run.temperature.mean() == pytest.approx(TEMPERATURE, rel=0.02)
    if beads == 1:
        assert variance == pytest.approx(1 / (BETA * MASS * OMEGA**2))
        np.testing.assert_allclose(run.kinetic_energy, 1.5 * n / BETA)


def test_many_beads_are_quantum_mechanics():
    exact = HBAR / (2 * MASS * OMEGA) / np.tanh(BETA * HBAR * OMEGA / 2)
    assert exact_variance(512) == pytest.approx(exact, rel=1e-4)
    assert exact_variance(1) < exact / 4


def copper():
    return ase.Atoms("Cu4", [[0, 0, 0], [2.5, 0, 0], [0, 2.5, 0], [0, 0, 2.5]])


class Batched(EMT):
    """Takes all beads at once."""

    def energies_and_forces(self, atoms, positions):
        frames = [ase.Atoms(atoms.numbers, frame, calculator=EMT()) for frame in positions]
        energies = np.array([frame.get_potential_energy() for frame in frames])
        return energies, np.stack([frame.get_forces() for frame in frames])

    def calculate(self, *_):
        raise AssertionError


@pytest.mark.parametrize("calculator", [EMT(), Batched()])
def test_beads_one_by_one_and_in_a_batch(calculator):
    positions = copper().positions + np.random.default_rng(0).normal(scale=0.1, size=(3, 4, 3))
    energies, forces = bead_forces(copper(), calculator)(positions)
    for k in range(3):
        atoms = ase.Atoms("Cu4", positions[k], calculator=EMT())
        assert energies[k] == pytest.approx(atoms.get_potential_energy(), abs=1e-12)
        np.testing.assert_allclose(forces[k], atoms.get_forces(), atol=1e-12)


def test_a_killed_simulation_goes_on(tmp_path, monkeypatch):
    protocol = RingPolymerProtocol(3, 300, 1, 20, 2, 7)
    whole = simulate_ring_polymer(copper(), one_by_one(copper(), EMT()), protocol, tmp_path / "a", "emt")
    monkeypatch.setattr(runner, "PART_SECONDS", 0)
    forces, left = one_by_one(copper(), EMT()), [8]

    def killed(positions):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return forces(positions)

    with pytest.raises(KeyboardInterrupt):
        simulate_ring_polymer(copper(), killed, protocol, tmp_path / "b", "emt")
    left[0] = 2 + 2 * 7  # the first frame, the last one on disk, and what is missing
    resumed = simulate_ring_polymer(copper(), killed, protocol, tmp_path / "b", "emt")
    np.testing.assert_array_equal(resumed.positions, whole.positions)
    np.testing.assert_array_equal(resumed.kinetic_energy, whole.kinetic_energy)


def test_an_explosion_is_a_result(tmp_path):
    protocol = RingPolymerProtocol(2, 300, 1, 20, 1, 0)
    calls = [0]

    def exploding(positions):
        calls[0] += 1
        energies, forces = np.zeros(2), np.zeros_like(positions)
        return energies, forces * (np.nan if calls[0] > 3 else 1)

    run = simulate_ring_polymer(copper(), exploding, protocol, tmp_path, "bad")
    assert (run.failure, run.failure_time, len(run)) == ("forces are not finite", 3.0, 3)
    at_once = simulate_ring_polymer(
        copper(), lambda x: (x[:, 0, 0] * np.nan, x), protocol, tmp_path / "b", "bad"
    )
    assert (at_once.failure, at_once.failure_time, len(at_once)) == ("the energy is not finite", 0.0, 1)


def test_one_bead_and_a_bath_are_classical_dynamics(tmp_path):
    """Without friction to speak of, one bead moves like a classical particle."""
    atoms = ase.Atoms("H2", [[0, 0, 0], [0.1, 0, 0]], masses=[MASS, MASS])
    protocol = RingPolymerProtocol(1, TEMPERATURE, 0.05, 30, 10, 0, centroid_time=1e12)
    forces = one_by_one(atoms, Well(np.zeros((2, 3)), OMEGA * units.fs))
    run = simulate_ring_polymer(atoms, forces, protocol, tmp_path, "well")
    x, v = run.positions[0, 0], run.velocities[0, 0]
    t = run.times[:, None, None] * OMEGA * units.fs
    np.testing.assert_allclose(
        run.positions[:, 0], x * np.cos(t) + v / (OMEGA * units.fs) * np.sin(t), atol=2e-4
    )


def test_numbers_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        RingPolymerProtocol(0, 300, 1, 10, 1, 0)
