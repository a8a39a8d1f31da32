"""Classical dynamics against closed forms; explosions; simulations that are killed."""

import re

import ase
import numpy as np
import pytest
from ase import units
from ase.build import bulk, molecule
from ase.calculators.calculator import CalculationFailed
from ase.calculators.emt import EMT
from wells import Killed, Well, copper

from tutti.simulation import runner
from tutti.simulation.guard import LostError
from tutti.simulation.path_integral import RingPolymerProtocol
from tutti.simulation.simulate import Protocol, simulate
from tutti.simulation.to_file import trajectory


def wells(n, seed=0):
    positions = np.random.default_rng(seed).normal(size=(n, 3))
    return ase.Atoms(f"C{n}", positions), positions


def test_constant_energy_follows_the_closed_form(tmp_path):
    atoms, centres = wells(5)
    omega = 0.02
    run = simulate(atoms, Well(centres, omega), Protocol("NVE", 300, 0.1, 200, 10, 3), tmp_path, "well")
    start = run.velocities[0]
    expected = centres + start / omega * np.sin(omega * run.times)[:, None, None]
    assert len(run) == 201 and run.failure == ""
    np.testing.assert_allclose(run.positions, expected, atol=1e-5)
    np.testing.assert_allclose(run.velocities, start * np.cos(omega * run.times)[:, None, None], atol=1e-7)
    np.testing.assert_allclose(run.total_energy, run.total_energy[0], rtol=1e-5)
    assert not np.array_equal(run.potential_energy[1:], run.potential_energy[:-1])


def tilted_carbon_dioxide():
    atoms = molecule("CO2")
    atoms.rotate(35, (1, 2, 3))
    return atoms


@pytest.mark.parametrize(
    ("atoms", "dof"), [(molecule("CH3CH2OH"), 21), (tilted_carbon_dioxide(), 4), (bulk("Cu", cubic=True), 9)]
)
def test_first_velocities(atoms, dof, tmp_path):
    still = Well(atoms.positions.copy(), 1e-9)
    first = simulate(atoms, still, Protocol("NVE", 350, 1, 1, 1, 0), tmp_path, "still")[:1]
    moved = first.atoms(0)
    moved.set_velocities(first.velocities[0] / units.fs)
    assert first.temperature[0] == pytest.approx(350, rel=1e-12)
    assert first.kinetic_energy[0] == pytest.approx(dof / 2 * units.kB * 350, rel=1e-12)
    np.testing.assert_allclose(moved.get_momenta().sum(axis=0), 0, atol=1e-12)
    if not atoms.pbc.any():
        np.testing.assert_allclose(moved.get_angular_momentum(), 0, atol=1e-10)


def test_constant_temperature_is_canonical(tmp_path):
    n, omega, temperature = 400, 0.1, 250
    atoms = ase.Atoms(f"C{n}", np.zeros((n, 3)))
    run = simulate(
        atoms, Well(np.zeros((n, 3)), omega), Protocol("NVT", temperature, 1, 2000, 20, 1, friction=0.05),
        tmp_path, "well",
    )  # fmt: skip
    run = run[20:]
    assert run.temperature.mean() == pytest.approx(temperature, rel=0.01)
    variance = units.kB * temperature / (12.011 * (omega / units.fs) ** 2)
    assert np.mean(run.positions**2) == pytest.approx(variance, rel=0.015)


@pytest.mark.parametrize("ensemble", ["NVE", "NVT"])
def test_a_killed_simulation_goes_on(tmp_path, monkeypatch, ensemble):
    protocol = Protocol(ensemble, 400, 2, 60, 3, 5)
    whole = simulate(copper(), EMT(), protocol, tmp_path / "whole", "emt")
    monkeypatch.setattr(runner, "PART_SECONDS", 0)  # a part for each frame
    with pytest.raises(KeyboardInterrupt):
        simulate(copper(), Killed(14), protocol, tmp_path / "parts", "emt")
    parts = sorted((tmp_path / "parts").rglob("*.npz"), key=lambda path: path.stat().st_mtime_ns)
    assert len(parts) == 4
    parts[-1].write_bytes(b"")  # damaged
    counted = Killed(1000)
    resumed = simulate(copper(), counted, protocol, tmp_path / "parts", "emt")
    assert len(resumed) == 11 and 1000 - counted.left == 1 + 1 + 7 * 3
    for name in ("positions", "velocities", "potential_energy", "temperature"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(whole, name))
    again = Killed(1)  # for the first frame, which is on no disk
    np.testing.assert_array_equal(
        simulate(copper(), again, protocol, tmp_path / "parts", "emt").positions, whole.positions
    )
    with pytest.raises(KeyboardInterrupt):  # another calculator's parts are not used
        simulate(copper(), Killed(1), protocol, tmp_path / "parts", "other")


@pytest.mark.parametrize("ensemble", ["NVE", "NVT"])
def test_a_simulation_into_a_file_is_the_same(tmp_path, ensemble):
    protocol = Protocol(ensemble, 400, 2, 24, 3, 5)
    start = copper()
    start.set_masses([63.5, 60.0, 65.0, 70.0])
    run = simulate(start, EMT(), protocol, tmp_path, "emt")
    frames = list(trajectory(start, EMT(), protocol))
    assert [frame.info["time"] for frame in frames] == run.times.tolist() == [0, 6, 12, 18, 24]
    for i, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.positions, run.positions[i])
        np.testing.assert_allclose(frame.get_velocities() * units.fs, run.velocities[i], rtol=1e-14)
        assert frame.get_potential_energy() == run.potential_energy[i]
        assert frame.info["temperature"] == run.temperature[i]
        check = frame.copy()
        check.calc = EMT()
        np.testing.assert_allclose(frame.get_forces(), check.get_forces(), atol=1e-12)


@pytest.mark.parametrize(("after", "when", "left"), [(0, ", at the start", 0), (11, " after 5.5 fs", 3)])
def test_an_explosion_into_a_file_says_when(after, when, left):
    atoms, centres = wells(3)
    frames = trajectory(atoms, Exploding(centres, after, fail), Protocol("NVE", 300, 0.5, 40, 4, 0))
    for _ in range(left):
        next(frames)
    with pytest.raises(LostError, match=f"^the calculator failed: no convergence{when}$"):
        next(frames)


def test_the_seed_is_all_that_is_random(tmp_path):
    state = np.random.get_state()[1].copy()
    runs = [
        simulate(copper(), EMT(), Protocol("NVT", 400, 2, 8, 2, seed), tmp_path / f"{k}", "emt")
        for k, seed in enumerate((0, 0, 1))
    ]
    np.testing.assert_array_equal(runs[0].positions, runs[1].positions)
    assert not np.allclose(runs[0].positions[-1], runs[2].positions[-1])
    np.testing.assert_array_equal(np.random.get_state()[1], state)


class Exploding(Well):
    """A well until the call `after`, then something else."""

    def __init__(self, centres, after, then):
        super().__init__(centres, 0.05)
        self.after, self.then = after, then

    def calculate(self, *arguments, **named):
        super().calculate(*arguments, **named)
        if self.calls > self.after:
            self.then(self.results)


def fail(_):
    raise CalculationFailed("no convergence")


def push(results):
    results["forces"] = results["forces"] + [[1e5, 0, 0]] + np.zeros_like(results["forces"])
    results["forces"][0] *= -1


@pytest.mark.parametrize(
    ("then", "hottest", "reason"),
    [
        (lambda results: results.update(forces=results["forces"] * np.nan), 1e4, "forces are not finite"),
        (lambda results: results.update(energy=np.inf), 1e4, "the energy is not finite"),
        (fail, 1e4, "the calculator failed: no convergence"),
        (push, 1e4, "hotter than 10000 K"),
        (push, np.inf, "an atom is more than 50 Å farther out than any was at the start"),
    ],
)
@pytest.mark.parametrize("after", [0, 11])
def test_an_explosion_is_a_result(tmp_path, then, hottest, reason, after):
    atoms, centres = wells(3)
    protocol = Protocol("NVE", 300, 0.5, 40, 4, 0, hottest=hottest)
    run = simulate(atoms, Exploding(centres, after, then), protocol, tmp_path, "exploding")
    assert run.failure == reason
    assert run.duration == run.failure_time <= (after + 3) * 0.5
    assert len(run) == 1 + max(round(run.failure_time / 0.5) - 1, 0) // 4
    assert np.isfinite(run.potential_energy).all() == (run.failure_time > 0)
    again = Exploding(centres, 1 if after else 0, then)  # known from the parts, or at once
    assert simulate(atoms, again, protocol, tmp_path, "exploding").failure == reason


def test_an_instability_of_the_integrator_is_an_explosion(tmp_path):
    atoms, centres = wells(3)
    run = simulate(atoms, Well(centres, 1.0), Protocol("NVE", 300, 3.0, 3000, 1, 0), tmp_path, "stiff")
    assert run.failure == "hotter than 10000 K"
    assert len(run) < 20


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"ensemble": "NPT"}, "the ensemble 'NPT' is neither NVE nor NVT"),
        ({"temperature": 0}, "temperature: 0 is no positive number"),
        ({"temperature": np.inf}, "temperature: inf is no positive number"),
        ({"temperature": 1e300}, "temperature: 1e+300 K is beyond 10000 K"),
        ({"time_step": np.nan}, "time_step: nan is no positive number"),
        ({"duration": -1}, "duration: -1 is no positive number"),
        ({"duration": 10, "interval": 40}, "duration: 10 fs are too short for a frame"),
        ({"interval": 0}, "interval: 0 is no positive number"),
        ({"friction": -0.1}, "friction: -0.1 is no positive number"),
    ],
)
def test_what_cannot_be_simulated(numbers, message):
    good = {"ensemble": "NVE", "temperature": 300, "time_step": 1, "duration": 10, "interval": 1, "seed": 0}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Protocol(**good | numbers)
    if numbers.keys() <= {"temperature", "time_step", "duration", "interval"}:
        of_rings = {name: value for name, value in (good | numbers).items() if name != "ensemble"}
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            RingPolymerProtocol(beads=4, **of_rings)


def test_a_single_atom_has_no_motion_at_constant_energy(tmp_path):
    with pytest.raises(ValueError, match="single atom"):
        simulate(
            ase.Atoms("C"), Well(np.zeros((1, 3)), 1), Protocol("NVE", 300, 1, 5, 1, 0), tmp_path, "well"
        )


def test_a_periodic_system_that_flies_apart(tmp_path):
    atoms, centres = wells(3)
    atoms.set_cell(5 * np.eye(3))
    atoms.pbc = True
    protocol = Protocol("NVE", 300, 5.0, 400, 4, 0, hottest=np.inf)
    run = simulate(atoms, Exploding(centres, 6, push), protocol, tmp_path, "exploding")
    assert run.failure == "a coordinate is beyond 100000 Å"
