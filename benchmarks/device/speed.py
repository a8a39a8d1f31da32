"""How long steps, samples and force calls take, beside what their FLOPs and bytes would need."""

import copy
from functools import cached_property, partial

import numpy as np
import torch
from generators import keep_growing, sampler

from device import inputs
from device.checks import reset_peak
from device.cost import beside, count, least_bytes, timed, waits
from tutti.core.devices import peak_memory
from tutti.core.structures import Structures
from tutti.models.base import Model

BATCHES = (1, 100, 1000)
ATOMS = (21, 100, 1000, 5000, 20000)


def tasks(kind: str) -> list[str]:
    """What is timed of a model of this kind, smallest first."""
    if kind == "generators":
        return ["training step", *(f"sampling, batch {n}" for n in BATCHES)]
    return ["training step", *(f"force call, {n} atoms" for n in ATOMS)]


class Subject:
    """A model whose times are taken.

    Args:
        kind: "generators" or "forcefields".
        entry: of the catalogue.
        structures: what it would be trained on.
        device: where it runs.
        rates: of the device, see `measure_rates`.
    """

    def __init__(
        self, kind: str, entry: dict, structures: Structures, device: torch.device, rates: dict[str, float]
    ) -> None:
        self.kind, self.entry, self.structures = kind, entry, structures
        self.device, self.rates = device, rates

    @cached_property
    def model(self) -> Model:
        """New, on the device."""
        return inputs.make(self.kind, self.entry, self.structures).to(self.device)

    @cached_property
    def growing(self) -> Model:
        """The same, made to grow molecules that are as large as allowed."""
        model = copy.deepcopy(self.model).eval()
        keep_growing(model)
        return model

    def work(self, task: str, end: float) -> dict[str, object]:
        """Do one of `tasks`; measurements are repeated until `end`."""
        reset_peak(self.device)
        what, _, size = task.partition(", ")
        if what == "training step":
            result = self.training_step(end)
        elif what == "sampling":
            result = self.sampling(int(size.split()[1]), end)
        else:
            result = self.force_call(int(size.split()[0]), end)
        return {**result, "peak_memory_bytes": peak_memory(self.device)}

    def training_step(self, end: float) -> dict[str, object]:
        """At the entry's batch size; the batch is made on the CPU, whose time is told apart.

        `waits` says how often the CPU waits for a GPU on the way from the batch to the new weights.
        """
        steps = inputs.Steps(self.model, self.structures, self.entry["training"]["batch_size"])
        batch = steps.collate(0)
        cost = count(partial(steps.run, batch))
        cost["least_bytes"] = least_bytes(self.model, batch, training=True)
        measured = timed(partial(steps.run, batch), self.device, end)
        collate = timed(partial(steps.collate, 1), self.device, end)
        return {
            "batch_size": steps.batch_size,
            "mean_atoms": float(self.structures.n_atoms.mean()),
            **beside(measured, cost, self.rates),
            "collate_seconds": collate["seconds"],
            "waits": waits(partial(steps.run, batch), self.device),
        }

    def sampling(self, n: int, end: float) -> dict[str, object]:
        """Untrained models that are made to grow as `benchmarks/generators.py` does it."""
        model = self.growing
        draw, share = sampler(model, self.entry)
        drawn: list[Structures] = []
        cost = count(lambda: drawn.append(draw(n, 0)))
        cost["least_bytes"] = least_bytes(model)
        measured = timed(partial(draw, n, 1), self.device, end)
        scaled = {key: value / share for key, value in cost.items() if key != "least_bytes"}
        whole = {**measured, "seconds": measured["seconds"] / share}
        result = beside(whole, cost | scaled, self.rates)
        return {
            "batch": n,
            "mean_atoms": float(drawn[0].n_atoms.mean()),
            "share_run": share,
            **result,
            "seconds_per_molecule": result["seconds"] / n,
        }

    def force_call(self, n: int, end: float) -> dict[str, object]:
        """Energy and forces of a frame of water; its neighbours and the copy to the device are told apart."""
        model, frame = self.model.eval(), inputs.water(n)

        def collate() -> object:
            # A new object, of which the model remembers no neighbours.
            return model.collate(frame[:], np.arange(1)).to(self.device)

        batch = collate()
        cost = count(partial(model.energy_and_forces, batch))
        cost["least_bytes"] = least_bytes(model, batch)
        measured = timed(partial(model.energy_and_forces, batch), self.device, end)
        lists = timed(collate, self.device, end)
        return {
            "atoms": n,
            "pairs": len(batch.first),
            **beside(measured, cost, self.rates),
            "collate_seconds": lists["seconds"],
        }
