"""Whether the device computes what the CPU does in float64, resumes a training, and samples."""

import copy
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from device import inputs
from tutti.core.devices import peak_memory
from tutti.core.randomness import torch_generator
from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.models.base import Batch, Generator, Model, snapshot
from tutti.models.forcefields.base import ForceField
from tutti.models.training.config import TrainingConfig
from tutti.models.training.loop import train

ITEMS, SAMPLES = 6, 8
STEPS, STOP, CHECKPOINT = 6, 5, 3

TOLERANCES = {
    "float32": {"loss": 1e-5, "gradient": 1e-4, "energy": 1e-5, "forces": 1e-4},
    "float64": {"loss": 1e-10, "gradient": 1e-8, "energy": 1e-10, "forces": 1e-8},
}
"""Largest deviations from the CPU's float64: of the loss, relative; of the gradient by all weights and of the
forces, norm of the difference over the norm; of energies, eV per atom. In float32 it is `OF_CPU` times the
deviation of the CPU in float32 where that is more: some gradients are small differences of large numbers."""

OF_CPU = 10.0

RESUMED = {"cpu": 0.0, "cuda": 1e-6}
"""Largest norm of what a stop changes in a training's weights, over that of what the training changes."""


class Interrupted(Exception):
    """A training is stopped on purpose."""


@dataclass(frozen=True)
class Subject:
    """A model on trial.

    Attributes:
        kind: "generators" or "forcefields".
        entry: of the catalogue.
        structures: some of the data.
        device: where it is tried.
    """

    kind: str
    entry: dict
    structures: Structures
    device: torch.device

    @cached_property
    def model(self) -> Model:
        """In float32 on the CPU."""
        return inputs.make(self.kind, self.entry, self.structures)

    @cached_property
    def items(self) -> np.ndarray:
        """Training items from all over the data."""
        n = self.model.n_items(self.structures)
        return np.linspace(0, n - 1, min(ITEMS, n)).astype(np.int64)

    @cached_property
    def batches(self) -> dict[str, Batch]:
        """The same items with the same randomness, by the type of their numbers; made once, on the CPU."""
        return {
            name: self._in(name).collate(self.structures, self.items, np.random.default_rng(0))
            for name in TOLERANCES
        }

    @cached_property
    def reference(self) -> dict[str, Tensor]:
        """What the CPU computes in float64."""
        return observe(self._in("float64"), self.batches["float64"])

    def _in(self, name: str) -> Model:
        model = copy.deepcopy(self.model)
        return model.double() if name == "float64" else model

    def work(self, task: str) -> dict[str, object]:
        """Do one of `tasks`."""
        if task in TOLERANCES:
            return self.compare(task)
        return self.resume() if task == "resume" else self.sample()

    def compare(self, name: str) -> dict[str, object]:
        """Deviations of the device's numbers of type `name`, and of the CPU's in float32 beside."""
        reset_peak(self.device)
        found = observe(self._in(name).to(self.device), self.batches[name].to(self.device))
        limits, measured = TOLERANCES[name], deviations(found, self.reference)
        peak, on_cpu = peak_memory(self.device), {}
        if name == "float32":
            on_cpu = deviations(observe(self._in(name), self.batches[name]), self.reference)
            limits = {key: max(limits[key], OF_CPU * value) for key, value in on_cpu.items()}
        return {
            "passed": all(measured[key] <= limits[key] for key in measured),
            "deviation": measured,
            "tolerance": {key: limits[key] for key in measured},
            "deviation_of_cpu": on_cpu,
            "peak_memory_bytes": peak,
        }

    def resume(self) -> dict[str, object]:
        """A training that stops between two checkpoints and goes on, against one without a stop."""
        valid = np.arange(2)
        splits = Splits(
            train=np.arange(2, len(self.structures)),
            valid=valid,
            test=valid[:0],
            seed=0,
            digest=self.structures.digest,
            leakage={},
        )
        double = "64-true" in self.model.precisions
        config = TrainingConfig(
            steps=STEPS,
            batch_size=2,
            learning_rate=1e-4,
            validation_every=STEPS,
            checkpoint_every=CHECKPOINT,
            precision="64-true" if double else "32-true",
        )

        def trained(out: Path, stop: int | None = None) -> dict[str, Tensor]:
            model = inputs.make(self.kind, self.entry, self.structures)
            if stop is not None:
                stop_at(model, stop)
            train(model, self.structures, splits, config, out, seed=0, accelerator=self.device.type)
            return snapshot(model)

        reset_peak(self.device)
        with tempfile.TemporaryDirectory() as folder:
            straight = trained(Path(folder) / "straight")
            try:
                trained(Path(folder) / "stopped", STOP)
            except Interrupted:
                resumed = trained(Path(folder) / "stopped")
            else:
                raise RuntimeError(f"the training did not stop at step {STOP}")
        start = snapshot(self.model)
        moved = norm({k: straight[k].double() - start[k].double() for k in straight})
        apart = norm({k: straight[k].double() - resumed[k].double() for k in straight})
        deviation, limit = apart / moved, RESUMED[self.device.type]
        return {
            "passed": moved > 0 and deviation <= limit,
            "deviation": deviation,
            "tolerance": limit,
            "precision": config.precision,
            "peak_memory_bytes": peak_memory(self.device),
        }

    def sample(self) -> dict[str, object]:
        """A few molecules of the untrained model, twice with the same seed."""
        reset_peak(self.device)
        model: Generator = copy.deepcopy(self.model).to(self.device).eval()
        settings = inputs.sampling_of(self.entry)
        first, again = (
            model.sample(SAMPLES, torch_generator(0, "check", device=self.device), settings) for _ in range(2)
        )
        finished = first.columns.get("finished")
        known = set(model.species.numbers.tolist())
        sound = (
            len(first) == SAMPLES
            and finished is not None
            and finished.dtype == bool
            and bool((first.n_atoms <= settings.max_atoms).all())
            and set(first.numbers.tolist()) <= known
        )
        same = np.array_equal(first.n_atoms, again.n_atoms) and np.allclose(
            first.positions, again.positions, rtol=0.0, atol=1e-4, equal_nan=True
        )
        return {
            "passed": sound and (same or self.device.type != "cpu"),
            "same_again": same,
            "atoms": float(first.n_atoms.mean()),
            "finite": float(np.isfinite(first.positions).all(axis=1).mean()) if len(first.numbers) else 1.0,
            "peak_memory_bytes": peak_memory(self.device),
        }


def observe(model: Model, batch: Batch) -> dict[str, Tensor]:
    """Loss and gradient, and of a force field energies per atom and forces; on the CPU, float64."""
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    loss, _ = model.training_step(batch)
    loss.backward(inputs=parameters)
    gradient = torch.cat(
        [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters]
    )
    found = {"loss": loss, "gradient": gradient}
    if isinstance(model, ForceField):
        predicted = model.eval().energy_and_forces(batch)
        found |= {"energy": predicted.energy / batch.n_atoms, "forces": predicted.forces}
    return {name: value.detach().double().cpu() for name, value in found.items()}


def deviations(found: dict[str, Tensor], reference: dict[str, Tensor]) -> dict[str, float]:
    """How far observations are apart, in the measures of `TOLERANCES`; NaN where a number is not finite."""
    measured = {}
    for name, right in reference.items():
        difference = found[name] - right
        if name == "energy":
            measured[name] = float(difference.abs().max())
        else:
            measured[name] = float(torch.linalg.vector_norm(difference) / torch.linalg.vector_norm(right))
    return measured


def norm(tensors: dict[str, Tensor]) -> float:
    """Of all numbers of these tensors together."""
    return float(torch.stack([torch.linalg.vector_norm(t) for t in tensors.values()]).norm())


def stop_at(model: Model, step: int) -> None:
    """Let the model raise Interrupted instead of making the batch of a step (from 1)."""
    made, collate = 0, model.collate

    def counted(*arguments: object) -> Batch:
        nonlocal made
        made += 1
        if made == step:
            raise Interrupted
        return collate(*arguments)

    model.collate = counted


def reset_peak(device: torch.device) -> None:
    """Forget the most memory so far; on a CPU it is the process's and stays."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def tasks(kind: str) -> list[str]:
    """What is checked of a model of this kind."""
    return ["float64", "float32", "resume", *(["sampling"] if kind == "generators" else [])]
