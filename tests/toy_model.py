"""A tiny generator for tests: linear regression of the energy on the position of the only atom.

Run as a script, `python toy_model.py FOLDER [--devices N] [--FIELD VALUE ...]` trains it.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.models.base import Generator
from tutti.models.training.loop import TrainingConfig, train

WEIGHT, BIAS = np.array([1.0, -2.0, 0.5]), 3.0


@dataclass(frozen=True)
class Config:
    noise: float = 0.0


@dataclass(frozen=True)
class Sampling:
    scale: float = 1.0
    limit: int = 3


@dataclass
class ToyBatch:
    positions: torch.Tensor
    energies: torch.Tensor

    def to(self, device):
        return ToyBatch(self.positions.to(device), self.energies.to(device))


class ToyModel(Generator):
    module = "toy_model"
    precisions = ("32-true", "64-true", "bf16-mixed")

    def __init__(self, config):
        super().__init__(config)
        self.linear = torch.nn.Linear(3, 1)
        self.register_buffer("mean", torch.zeros(()))

    def fit_statistics(self, structures):
        self.mean.copy_(torch.tensor(structures.energy.mean()))

    def collate(self, structures, items, rng):
        energies = structures.energy[items] + self.config.noise * rng.normal(size=len(items))
        positions = structures.positions[structures.offsets[items]]
        return ToyBatch(torch.tensor(positions, dtype=self.dtype), torch.tensor(energies, dtype=self.dtype))

    def training_step(self, batch):
        error = self.linear(batch.positions)[:, 0] + self.mean - batch.energies
        return error.square().mean(), {"absolute": error.abs().mean()}

    @torch.no_grad()
    def sample(self, n, generator, settings):
        counts = torch.randint(1, settings.limit + 1, (n,), generator=generator, device=self.device)
        frames = [
            (np.full(count, 6), torch.randn(count, 3, generator=generator).numpy() * settings.scale)
            for count in counts.tolist()
        ]
        return Structures.from_frames(frames, columns={"finished": counts.numpy() < settings.limit})


MODEL = ToyModel


def data(n=120):
    positions = np.random.default_rng(1).normal(size=(n, 3))
    energy = positions @ WEIGHT + BIAS
    return Structures(np.ones(n, dtype=np.int64), np.full(n, 6, np.uint8), positions, energy=energy)


def divide(structures, valid=13):
    """97 structures to train on, the next to validate; others are left out."""
    parts = np.split(np.random.default_rng(2).permutation(len(structures)), [97, 97 + valid])
    return Splits(*parts, seed=0, digest=structures.digest, leakage={})


def new_model(**config):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ToyModel(Config(**config))


def train_toy(out, model=None, structures=None, seed=0, devices=1, **fields):
    """Train a toy with settings that differ from the defaults below by `fields`; gives the model back."""
    model = new_model() if model is None else model
    structures = data() if structures is None else structures
    settings = {"steps": 60, "batch_size": 5, "learning_rate": 0.05}
    settings |= {"validation_every": 20, "checkpoint_every": 25} | fields
    train(model, structures, divide(structures), TrainingConfig(**settings), Path(out), seed, "cpu", devices)
    return model


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--settings", type=json.loads, default={})
    arguments = parser.parse_args()
    model = new_model(noise=arguments.noise)
    train_toy(arguments.out, model, devices=arguments.devices, **arguments.settings)
