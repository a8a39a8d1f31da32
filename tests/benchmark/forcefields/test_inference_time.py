"""Times of force calls with a clock that is known."""

from types import SimpleNamespace

import ase
import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from ase.calculators.lj import LennardJones

from tutti.benchmark.forcefields import force_calls, inference_time
from tutti.core import timing
from tutti.core.structures import Structures
from tutti.models import base
from tutti.models.forcefields.calculator import Calculator

CONFIG = {"elements": ["H", "C", "O"], "channels": 8, "layers": 1, "n_gaussians": 8, "cutoff": 3.0}
NAMES = {"model": "mine", "dataset": "data", "seed": 0}
CPU = torch.device("cpu")


@pytest.fixture
def weights(tmp_path):
    base.create("forcefields", "schnet", CONFIG, seed=0).save(tmp_path)
    return tmp_path


@pytest.fixture
def ethanol():
    return Structures.from_ase([molecule("CH3CH2OH"), molecule("H2O")])


@pytest.fixture
def clock(monkeypatch):
    """A clock that only goes on when a force field is called: 1 ms, and 10 µs per atom."""
    now, predict = [0.0], Calculator._predict

    def slow(self, atoms, positions):
        now[0] += 1e-3 + 1e-5 * len(atoms) * len(positions)
        return predict(self, atoms, positions)

    monkeypatch.setattr(Calculator, "_predict", slow)
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: now[0]))


def test_times_per_call_and_per_atom(weights, ethanol, clock):
    table = inference_time.table(
        weights, ethanol, most_atoms=40, batch_sizes=(1, 100), accelerator="cpu", **NAMES
    )
    calls = table[table["metric"] == "force_call_time"].set_index("subset")["value"].to_dict()
    expected = {"9 atoms": 1.09, "18 atoms": 1.18, "36 atoms": 1.36, "9 atoms, batch 100": 10.0}
    assert calls == pytest.approx(expected)
    per_atom = table[table["metric"] == "force_call_time_per_atom"].set_index("subset")["value"].to_dict()
    expected = {
        "9 atoms": 1090 / 9,
        "18 atoms": 1180 / 18,
        "36 atoms": 1360 / 36,
        "9 atoms, batch 100": 100 / 9,
    }
    assert per_atom == pytest.approx(expected)
    assert (table["n"] == force_calls.CALLS).all()
    assert set(table["unit"]) == {"ms", "µs/atom"}
    assert table["note"].str.match(r"on .+, \d+ thread\(s\); geometric mean of \d+ calls").all()


def test_a_large_structure_is_timed_as_it_is(weights, ethanol, clock):
    table = inference_time.table(weights, ethanol, most_atoms=5, batch_sizes=(), accelerator="cpu", **NAMES)
    assert table["subset"].tolist() == ["9 atoms", "9 atoms"]


def test_no_call_finds_its_result_in_a_memory():
    seen = []

    class Counter(LennardJones):
        def calculate(self, atoms=None, properties=("energy",), system_changes=()):
            seen.append(atoms.positions.copy())
            super().calculate(atoms, properties, system_changes)

    atoms = molecule("H2O")
    before = atoms.positions.copy()
    assert len(force_calls.single(atoms, Counter(), 0, CPU)) == force_calls.CALLS
    assert len(seen) == force_calls.CALLS + force_calls.WARM_UP
    assert len({positions.tobytes() for positions in seen}) == len(seen)
    np.testing.assert_array_equal(atoms.positions, before)
    assert 0.001 < np.std(np.array(seen) - before) < 0.02


def test_calls_before_the_timed_ones_do_not_count(monkeypatch):
    times = iter([100.0] * force_calls.WARM_UP + [1.0] * force_calls.CALLS)
    monkeypatch.setattr(force_calls, "seconds", lambda call, device: next(times))
    assert (force_calls.single(molecule("H2O"), LennardJones(), 0, CPU) == 1).all()


def test_a_doubled_molecule_is_two_that_do_not_see_each_other():
    one = molecule("CH3CH2OH")
    two = force_calls.doubled(one)
    assert len(two) == 18
    distances = np.linalg.norm(two.positions[:9, None] - two.positions[None, 9:], axis=-1)
    assert distances.min() >= force_calls.GAP
    four = force_calls.doubled(two)
    assert np.sort(four.get_all_distances(), axis=1)[:, 9].min() >= force_calls.GAP - 1e-9


def test_a_doubled_crystal_is_the_same_crystal():
    atoms = bulk("C", "diamond", a=3.6, cubic=True)
    atoms.calc = LennardJones(sigma=1.5, rc=4.0)
    for _ in range(3):
        twice = force_calls.doubled(atoms)
        twice.calc = LennardJones(sigma=1.5, rc=4.0)
        assert twice.get_potential_energy() == pytest.approx(2 * atoms.get_potential_energy())
        atoms = twice
    np.testing.assert_allclose(atoms.cell.lengths(), 7.2)


def test_a_slab_grows_in_its_plane():
    slab = ase.Atoms("C", cell=[3.0, 2.0, 1.0], pbc=[True, True, False])
    np.testing.assert_allclose(force_calls.doubled(slab).cell.lengths(), [3, 4, 1])


def test_xtb_for_the_same_molecules(ethanol):
    pytest.importorskip("tblite")
    table = inference_time.xtb_table(ethanol[[1]], dataset="data", seed=0, most_atoms=6)
    assert set(table["model"]) == {"GFN2-xTB"}
    assert table["subset"].tolist() == ["3 atoms", "3 atoms", "6 atoms", "6 atoms"]
    assert (table["value"] > 0).all()


def test_xtb_stops_before_it_takes_too_long(ethanol, monkeypatch):
    monkeypatch.setattr(inference_time, "reference_calculator", lambda method: method)
    limit = inference_time.SLOWEST / inference_time.CUBIC
    monkeypatch.setattr(
        force_calls, "single", lambda atoms, calculator, seed, device: np.full(3, 0.04 * limit * len(atoms))
    )
    table = inference_time.xtb_table(ethanol, dataset="data", seed=0)
    assert table["subset"].unique().tolist() == ["9 atoms", "18 atoms", "36 atoms"]


def test_periodic_atoms_are_timed_with_gfn1(monkeypatch):
    monkeypatch.setattr(inference_time, "reference_calculator", lambda method: method)
    monkeypatch.setattr(
        force_calls, "single", lambda atoms, calculator, seed, device: np.array([1.0, 2.0, 4.0])
    )
    box = Structures.from_ase([ase.Atoms("He", cell=3 * np.eye(3), pbc=True)])
    table = inference_time.xtb_table(box, dataset="data", seed=0, most_atoms=1)
    assert table["model"].tolist() == ["GFN1-xTB"] * 2
    assert table["value"].tolist() == pytest.approx([2e3, 2e6])
    half = 4.302653 * np.log(2) / np.sqrt(3)
    assert table["ci_high"][0] == pytest.approx(2e3 * np.exp(half), rel=1e-6)
