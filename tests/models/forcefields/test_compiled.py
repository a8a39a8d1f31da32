"""Compiled force calls and training steps against the eager ones; skipped where there is no C++ compiler."""

import copy
import pickle
import shutil
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from forcefield_models import model as eager_model
from torch._dynamo.utils import counters

import tutti
from tutti.core.structures import Structures
from tutti.data.splits import SplitConfig, make_splits
from tutti.models import base
from tutti.models.forcefields import compiled
from tutti.models.training import loop
from tutti.models.training.config import COMPILED_FROM, TrainingConfig
from tutti.models.training.loop import train

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="there is no C++ compiler"
)
SMALL = {
    "schnet": {"elements": ["H", "C", "O"], "channels": 8, "layers": 2, "n_gaussians": 8, "cutoff": 3.5},
    "painn": {"elements": ["H", "C", "O"], "channels": 8, "layers": 2, "n_basis": 6, "cutoff": 3.5},
}
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-10}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """What was compiled in another test is not found again."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    torch._dynamo.reset()
    counters.clear()


def structures(sizes, seed=0):
    """Molecules at random, with energies and forces at random."""
    rng = np.random.default_rng(seed)
    frames = [(rng.choice([1, 6, 8], n), 1.3 * n ** (1 / 3) * rng.random((n, 3))) for n in sizes]
    made = Structures.from_frames(frames)
    return replace(made, energy=rng.normal(size=len(sizes)), forces=rng.normal(size=made.positions.shape))


def make(kind, dtype):
    return base.create("forcefields", kind, SMALL[kind], 0).to(dtype)


def gradients(model, batch):
    model.zero_grad()
    loss, logs = model.training_step(batch)
    (0.5 * loss).backward()
    return [loss.detach(), *logs.values(), *(p.grad.clone() for p in model.parameters())]


def assert_close(found, expected):
    for a, b in zip(found, expected, strict=True):
        tolerance = TOLERANCE[b.dtype]
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance * max(1.0, float(b.abs().max())))


@pytest.mark.long
@needs_compiler
@pytest.mark.parametrize(("kind", "dtype"), [("schnet", torch.float64), ("painn", torch.float32)])
def test_force_calls_of_all_sizes_are_the_eager_ones_with_few_compilations(kind, dtype):
    model = make(kind, dtype).eval().requires_grad_(False)
    other = copy.deepcopy(model)
    model.compile_forces()
    for seed, sizes in enumerate([(9,), (5, 7, 3), (3,), (20, 4), (5, 5, 5, 5, 5, 5, 5), (1, 6)]):
        batch = model.collate(structures(sizes, seed), np.arange(len(sizes)))
        found, expected = model.energy_and_forces(batch), other.energy_and_forces(batch)
        assert expected.forces.abs().max() > 0.01
        scale = float(expected.forces.abs().max())
        assert float((found.energy - expected.energy).abs().max()) < TOLERANCE[dtype] * max(1, scale)
        assert float((found.forces - expected.forces).abs().max()) < 2 * TOLERANCE[dtype] * max(1, scale)
    # torch writes another kernel for products of tiny matrices.
    assert counters["stats"]["unique_graphs"] <= 2


@pytest.mark.long
@needs_compiler
def test_training_steps_have_the_eager_loss_and_gradient():
    model = make("schnet", torch.float64)
    other = copy.deepcopy(model)
    model.compile_training()
    for seed, sizes in enumerate([(5, 7, 3), (9, 8, 7, 6)]):
        batch = model.collate(structures(sizes, seed), np.arange(len(sizes)))
        assert_close(gradients(model, batch), gradients(other, batch))
        with torch.no_grad():
            for parameter, twin in zip(model.parameters(), other.parameters(), strict=True):
                parameter.add_(0.01)  # new weights are used, without compiling anew
                twin.add_(0.01)
    assert counters["stats"]["unique_graphs"] <= 2


@pytest.mark.long
@needs_compiler
def test_exact_free_atoms_follow_the_weights():
    config = SMALL["schnet"] | {"exact_free_atoms": True, "layers": 1}
    model = base.create("forcefields", "schnet", config, 0).double()
    other = base.create("forcefields", "schnet", config, 1).double()
    batch = model.collate(structures((6, 5)), np.arange(2))
    for made in (model, other):
        made.eval().requires_grad_(False)
    model.compile_forces()
    model.energy_and_forces(batch)
    model.load_state_dict(other.state_dict())
    torch.testing.assert_close(
        model.energy_and_forces(batch).energy, other.energy_and_forces(batch).energy, rtol=0, atol=1e-10
    )


def test_atoms_alone_and_pairs_alone_are_left_to_the_eager_mode(monkeypatch):
    monkeypatch.setattr(compiled.Compiled, "_compile", lambda *_: pytest.fail("compiles"))
    model = eager_model().requires_grad_(False)
    model.compile_forces()
    for sizes in [(1,), (1, 1)]:
        batch = model.collate(structures(sizes), np.arange(len(sizes)))
        assert float(model.energy_and_forces(batch).forces.abs().max()) == 0.0


@pytest.mark.parametrize("broken", ["raises", "wrong"])
def test_what_cannot_be_compiled_goes_on_with_one_warning(broken, monkeypatch):
    def compile(graph, dynamic):
        if broken == "raises":
            raise RuntimeError("no C++ compiler found\nand a long story")
        return lambda tensors: [2.0 * result for result in graph(tensors)]

    monkeypatch.setattr(torch, "compile", compile)
    model = eager_model().requires_grad_(False)
    batch = model.collate(structures((5, 7)), np.arange(2))
    expected = model.energy_and_forces(batch)
    model.compile_forces()
    reason = "no C.. compiler found$" if broken == "raises" else "results differ by"
    with pytest.warns(RuntimeWarning, match=f"the force call .* goes on without: .*{reason}") as caught:
        found = model.energy_and_forces(batch)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = model.energy_and_forces(batch)
    for made in (found, again):
        assert torch.equal(made.forces, expected.forces)
        assert torch.equal(made.energy, expected.energy)


def test_a_calculator_compiles_if_asked_to_and_so_do_its_copies(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        compiled.Compiled,
        "_compile",
        lambda self, _: asked.append(1) or torch.enable_grad()(lambda tensors: self._function(tensors)),
    )
    eager_model().save(tmp_path)
    from ase.build import molecule

    atoms = molecule("CH3CH2OH")
    atoms.calc = tutti.Calculator(tmp_path, "cpu", compile=True)
    for calls in range(4):
        atoms.rattle(0.01, seed=calls)
        atoms.get_forces()
        assert len(asked) == 1
    for twin in (copy.deepcopy(atoms.calc), pickle.loads(pickle.dumps(atoms.calc))):
        twin.calculate(atoms)
        np.testing.assert_allclose(twin.results["forces"], atoms.get_forces(), atol=1e-12)
    assert len(asked) == 3
    atoms.calc = tutti.Calculator(tmp_path, "cpu")
    for _ in range(4):
        atoms.rattle(0.01)
        atoms.get_forces()
    assert len(asked) == 3


def run_training(out, compile):
    data = structures((5, 6, 7, 5, 6, 7, 4, 8))
    model = base.create("forcefields", "schnet", SMALL["schnet"] | {"layers": 1}, 0)
    splits = make_splits(data, SplitConfig(train=6, valid=2, test=0))
    every = {"validation_every": 2, "checkpoint_every": 2}
    config = TrainingConfig(steps=6, batch_size=3, compile=compile, **every)
    train(model, data, splits, config, out, seed=0, accelerator="cpu")


@pytest.mark.long
@needs_compiler
def test_an_interrupted_compiled_training_ends_with_the_same_weights(tmp_path, monkeypatch):
    run_training(tmp_path / "whole", True)
    step = loop._Training.step

    def interrupted(self, *arguments):
        if self.state.step == 5:
            raise KeyboardInterrupt
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop._Training, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_training(tmp_path / "pieces", True)
    run_training(tmp_path / "pieces", True)
    read = [(tmp_path / name / base.WEIGHTS).read_bytes() for name in ("whole", "pieces")]
    assert read[0] == read[1]


def test_short_trainings_are_not_compiled_by_themselves():
    assert not TrainingConfig(steps=COMPILED_FROM - 1).compiles(auto=True)
    assert TrainingConfig(steps=COMPILED_FROM).compiles(auto=True)
    assert not TrainingConfig(steps=COMPILED_FROM).compiles(auto=False)
    assert not TrainingConfig(steps=COMPILED_FROM, compile=False).compiles(auto=True)
    assert TrainingConfig(steps=1, compile=True).compiles(auto=False)
    assert "compile" not in TrainingConfig(steps=1).lasting()


def test_models_that_are_not_made_for_it_are_refused(tmp_path):
    with pytest.raises(ValueError, match="compile: nequip was measured no faster"):
        base.create(
            "forcefields", "nequip", {"elements": ["H"], "average_neighbours": 4.0}, 0
        ).compile_training()
    with pytest.raises(ValueError, match="compile: only for the target energy, not for homo"):
        base.create("forcefields", "schnet", SMALL["schnet"] | {"target": "homo"}, 0).compile_training()
    edm = base.create("generators", "edm", {"timesteps": 10}, 0, structures((5, 6)))
    with pytest.raises(ValueError, match="compile: edm cannot be compiled, only force fields can"):
        edm.compile_training()
