"""Models on another device than the CPU, a pretended one: the same numbers, and nothing is mixed."""

import copy

import numpy as np
import pytest
import torch
from tiny_models import MODELS, variants

from pretend_device import DEVICE, pretended_device
from tutti.core import registry
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.models import base
from tutti.models.base import Model

DATA = {"generators": "qm9_6.npz", "forcefields": "water16_gfn1.npz"}
CASES = [
    pytest.param(kind, variant, id=variant)
    for kind in DATA
    for module in registry.names(kind)
    for variant in variants(module)
]


def some(kind: str) -> Structures:
    return Structures.load(EMBEDDED / DATA[kind])[:20]


def make(kind: str, variant: str) -> tuple[Model, Model]:
    """The same model twice."""
    entry, structures = MODELS[variant], some(kind)
    model = base.create(kind, entry["module"], entry["config"], seed=0, structures=structures)
    model.fit_statistics(structures)
    return model, copy.deepcopy(model)


@pytest.mark.parametrize(("kind", "variant"), CASES)
def test_a_step_gives_the_same_gradient(kind, variant):
    here, there = make(kind, variant)
    batch = here.collate(some(kind), np.arange(3), np.random.default_rng(0))
    loss, logs = here.training_step(batch)
    loss.backward()
    with pretended_device() as device:
        there.to(device)
        other, other_logs = there.training_step(batch.to(device))
        other.backward()
        assert other.device == device
        assert all(value.device == device for value in other_logs.values())
        torch.testing.assert_close(other.detach().cpu(), loss.detach(), rtol=0.0, atol=0.0)
        assert other_logs.keys() == logs.keys()
        for mine, its in zip(here.parameters(), there.parameters(), strict=True):
            assert (mine.grad is None) == (its.grad is None)
            if mine.grad is not None:
                torch.testing.assert_close(its.grad.cpu(), mine.grad, rtol=0.0, atol=0.0)


@pytest.mark.parametrize("variant", [v for module in registry.names("generators") for v in variants(module)])
def test_samples_and_completions_are_the_same(variant):
    here, there = make("generators", variant)
    module, settings = MODELS[variant]["module"], dict(MODELS[variant]["sampling"])
    del settings["batch_size"]
    exports = registry.module("generators", module)
    small = {"max_atoms": 8, "steps": 10}.items()
    settings |= {name: value for name, value in small if hasattr(exports.Sampling, name)}
    sampling = registry.from_dict(exports.Sampling, settings, "sampling")
    methods = {"sample": 2}
    if "COMPLETES" in registry.exports("generators", module):
        numbers, positions = some("generators").frame(0)
        methods["complete"] = Structures.from_frames([(numbers[:3], positions[:3])] * 2)
    for method, given in methods.items():
        made = getattr(here.eval(), method)(given, torch.Generator().manual_seed(0), sampling)
        with pretended_device() as device:
            # Its random numbers are the CPU's: no generator is on a device that is not there.
            other = getattr(there.to(device).eval(), method)(
                given, torch.Generator().manual_seed(0), sampling
            )
        np.testing.assert_array_equal(other.n_atoms, made.n_atoms)
        np.testing.assert_array_equal(other.numbers, made.numbers)
        np.testing.assert_array_equal(other.positions, made.positions)


@pytest.mark.parametrize("name", registry.names("forcefields"))
def test_energies_forces_and_stresses_are_the_same(name):
    here, there = make("forcefields", f"{name}_tiny")
    batch = here.collate(some("forcefields"), np.arange(3))
    expected = here.energy_and_forces(batch)
    with pretended_device() as device:
        found = there.to(device).energy_and_forces(batch.to(device))
        for what in ("energy", "forces", "stress"):
            value = getattr(found, what)
            assert value.device == device
            torch.testing.assert_close(value.cpu(), getattr(expected, what), rtol=0.0, atol=0.0)


def test_the_pretended_device_is_as_strict_as_a_gpu():
    here = torch.ones(3)
    with pretended_device() as device:
        there = torch.arange(3.0, device=device)
        assert there.device == DEVICE and (there * 2.0).cpu().tolist() == [0.0, 2.0, 4.0]
        assert (there + torch.tensor(1.0)).device == DEVICE  # a number may come from the CPU
        for mix in (lambda: there + here, lambda: here.index_add(0, there.long(), here)):
            with pytest.raises(RuntimeError, match="are on the CPU"):
                mix()
        with pytest.raises((RuntimeError, TypeError)):
            there.numpy()
        there[there > 1.0] = 7.0
        there[1:] += 1.0
        assert there.cpu().tolist() == [0.0, 2.0, 8.0]
