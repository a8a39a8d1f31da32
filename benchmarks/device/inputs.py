"""Models and structures that the parts of a run share."""

from pathlib import Path

import numpy as np
import torch
import yaml

from tutti.core import registry
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.models import base
from tutti.models.base import Batch, Model
from tutti.models.training.batches import items_of_step

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "config/models.yaml"
MOLECULES, FRAMES = EMBEDDED / "qm9_6.npz", EMBEDDED / "ethanol_gfn2.npz"

# Water: Å^-3 of molecules, and one molecule, Å.
DENSITY = 0.0334
WATER = np.array([[0.0, 0.0, 0.0], [0.757, 0.586, 0.0], [-0.757, 0.586, 0.0]])
WATER_NUMBERS = np.array([8, 1, 1], dtype=np.uint8)


def catalogue() -> dict[str, dict]:
    """The entries of config/models.yaml."""
    return yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))["models"]


def models(kind: str, chosen: list[str] | None) -> list[str]:
    """Names of all models of a kind, or of those among them that are `chosen`."""
    return [name for name in registry.names(kind) if chosen is None or name in chosen]


def make(kind: str, entry: dict, structures: Structures) -> Model:
    """A new model for these data, statistics included, on the CPU."""
    model = base.create(kind, entry["module"], entry["config"], seed=0, structures=structures)
    model.fit_statistics(structures)
    return model


def sampling_of(entry: dict) -> object:
    """The settings of sampling of a generator's entry."""
    settings = {key: value for key, value in entry["sampling"].items() if key != "batch_size"}
    exports = registry.module("generators", entry["module"])
    return registry.from_dict(exports.Sampling, settings, f"sampling of {entry['module']}")


def water(n_atoms: int) -> Structures:
    """The first `n_atoms` atoms of molecules of water, turned at random, at its density; open boundaries."""
    rng, n = np.random.default_rng(0), -(-n_atoms // 3)
    edge = int(np.ceil(n ** (1 / 3)))
    places = np.stack(np.meshgrid(*[np.arange(edge)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)[:n]
    turns = np.linalg.qr(rng.normal(size=(n, 3, 3)))[0]
    positions = places[:, None] * DENSITY ** (-1 / 3) + np.einsum("nij,aj->nai", turns, WATER)
    return Structures.from_frames([(np.tile(WATER_NUMBERS, n)[:n_atoms], positions.reshape(-1, 3)[:n_atoms])])


class Steps:
    """Training steps of a model on its device, with Adam."""

    def __init__(self, model: Model, structures: Structures, batch_size: int) -> None:
        self.model, self.structures, self.batch_size = model, structures, batch_size
        self.n_items = model.n_items(structures)
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, fused=True)

    def collate(self, number: int) -> Batch:
        """The batch of a step, on the device."""
        items = items_of_step(number, self.n_items, self.batch_size, seed=0)
        batch = self.model.collate(self.structures, items, np.random.default_rng(number))
        return batch.to(self.model.device)

    def __call__(self, number: int) -> None:
        """A step with its batch made for it, as in a training."""
        self.run(self.collate(number))

    def run(self, batch: Batch) -> None:
        """A step."""
        self.model.train()
        loss, _ = self.model.training_step(batch)
        self.optimizer.zero_grad()
        loss.backward(inputs=self.parameters)
        self.optimizer.step()
