"""No training step waits for the device: what its kernels compute is not needed to launch the next ones."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
import torch
from tiny_models import MODELS, variants

from pretend_device import counted_waits, pretended_device
from tutti.core import registry
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.data.splits import SplitConfig, make_splits
from tutti.models import base
from tutti.models.base import Batch, Model
from tutti.models.training import loop
from tutti.models.training.config import TrainingConfig
from tutti.models.training.gradients import Clip

DATA = {"generators": "qm9_6.npz", "forcefields": "water16_gfn1.npz"}
CASES = [
    pytest.param(kind, variant, id=variant)
    for kind in DATA
    for module in registry.names(kind)
    for variant in variants(module)
]
GPU = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU: the pretended device's count stands in"
)


def prepared(kind: str, variant: str) -> tuple[Model, Batch]:
    """A model and a batch for it, both on the CPU."""
    entry, structures = MODELS[variant], Structures.load(EMBEDDED / DATA[kind])[:20]
    model = base.create(kind, entry["module"], entry["config"], seed=0, structures=structures)
    model.fit_statistics(structures)
    return model.train(), model.collate(structures, np.arange(5, 11), np.random.default_rng(0))


def forward_and_backward(model: Model, batch: Batch) -> None:
    loss, _ = model.training_step(batch)
    loss.backward(inputs=[p for p in model.parameters() if p.requires_grad])


@contextmanager
def waiting_is_an_error() -> Iterator[None]:
    """Torch raises where the CPU waits for the GPU."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


@pytest.mark.parametrize(("kind", "variant"), CASES)
def test_a_training_step_waits_for_nothing(kind, variant):
    model, batch = prepared(kind, variant)
    with pretended_device() as device:
        model.to(device)
        # The first step makes what every other one finds.
        forward_and_backward(model, batch.to(device))
        with counted_waits() as waits:
            forward_and_backward(model, batch.to(device))
    assert not waits, "\n".join(waits)


@GPU
@pytest.mark.parametrize(("kind", "variant"), CASES)
def test_a_training_step_waits_for_nothing_on_a_gpu(kind, variant):
    model, batch = prepared(kind, variant)
    model.to("cuda")
    for moved in (batch.to(torch.device("cuda")), batch.to(torch.device("cuda"))):
        forward_and_backward(model, moved)  # the first loads kernels
    with waiting_is_an_error():
        forward_and_backward(model, batch.to(torch.device("cuda")))


@GPU
@pytest.mark.parametrize("clip", [None, 0.5, "adaptive"])
def test_a_step_of_the_training_loop_waits_for_nothing_on_a_gpu(tmp_path, monkeypatch, clip):
    """From the batch to the moving average; the numbers of a step are read in the next one."""
    step = loop._Training.step

    def strict(training: object, batch: Batch, share: float) -> None:
        # The first step makes what every other one finds; a validation reads the step before.
        with waiting_is_an_error() if training.state.step % 4 > 1 else nullcontext():
            step(training, batch, share)

    monkeypatch.setattr(loop._Training, "step", strict)
    structures, entry = Structures.load(EMBEDDED / DATA["generators"])[:20], MODELS["edm_tiny"]
    model = base.create("generators", entry["module"], entry["config"], seed=0)
    splits = make_splits(structures, SplitConfig(train=0.8, valid="rest", test=0))
    config = TrainingConfig(
        steps=8, batch_size=4, validation_every=4, checkpoint_every=4, ema_decay=0.9, gradient_clip=clip
    )
    loop.train(model, structures, splits, config, tmp_path, seed=0, accelerator="cuda")


@pytest.mark.parametrize("limit", [None, 0.5, "adaptive"])
def test_clipping_waits_for_nothing(limit):
    with pretended_device() as device:
        gradient = torch.tensor([3.0, 4.0], device=device)
        clip = Clip(limit, device)
        with counted_waits() as waits:
            for _ in range(3):
                clip(gradient, torch.linalg.vector_norm(gradient))
    assert not waits, "\n".join(waits)


@pytest.mark.parametrize(
    ("what", "call"),
    [
        ("nonzero", lambda x: x.nonzero()),
        ("index", lambda x: x[x > 1.0]),
        ("index_put_", lambda x: x.index_put_((x > 1.0,), x[1:].clone())),
        ("masked_select", lambda x: x.masked_select(x > 1.0)),
        ("_unique2", lambda x: x.unique()),
        ("_local_scalar_dense", lambda x: float(x[0])),
        ("tolist", lambda x: x.tolist()),
        ("bincount", lambda x: x.long().bincount()),
        ("repeat_interleave", lambda x: x.repeat_interleave(x.long())),
        ("_to_copy", lambda x: x.cpu()),
        ("_to_copy", lambda x: torch.arange(3).to(x.device)),
        ("_to_copy", lambda x: x.new_tensor([1.0, 2.0])),
        ("equal", lambda x: torch.equal(x, x)),
    ],
)
def test_what_waits_is_counted(what, call):
    with pretended_device() as device:
        x = torch.tensor([1.0, 2.0, 3.0], device=device)
        with counted_waits() as waits:
            call(x)
    assert [wait.split()[0] for wait in waits] == [what] and waits[0].endswith("not in tutti")


def test_what_does_not_wait_is_not_counted():
    with pretended_device() as device:
        x = torch.tensor([1.0, 2.0, 3.0], device=device)
        with counted_waits() as waits:
            x[x > 1.0] = 0.0
            x.repeat_interleave(x.long(), output_size=1)
            x.index_add_(0, x.long(), x * torch.tensor(2.0))
            torch.arange(3).to(device, non_blocking=True)
    assert waits == []
