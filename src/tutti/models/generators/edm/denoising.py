"""Ancestral sampling of EDM (Hoogeboom et al. 2022, algorithm 2)."""

import math
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from tutti.core.progress import Progress
from tutti.models.generators.edm.config import Sampling
from tutti.models.generators.edm.parametrisation import Noisy, Prediction
from tutti.models.generators.edm.schedule import Schedule
from tutti.models.species import SpeciesModel
from tutti.nn.egnn import FullPairs, centre
from tutti.nn.neighbours import segment_index


class Denoiser(SpeciesModel, Protocol):
    """What `Denoising` asks of its model."""

    schedule: Schedule

    def denoise(self, z: Noisy, molecule: Tensor, n_atoms: Tensor, pairs: FullPairs) -> Prediction:
        """The noise in z, as `EDM.denoise` gives it."""


class Denoising:
    """Molecules of given sizes that go from noise to data together; one never sees another."""

    def __init__(self, model: Denoiser, n_atoms: Tensor, generator: torch.Generator) -> None:
        """`n_atoms` [B] and `generator` are on the model's device."""
        self.model, self.n_atoms, self.generator = model, n_atoms, generator
        self.molecule = segment_index(n_atoms)
        self.pairs = FullPairs.of_molecules(n_atoms)

    def run(self, settings: Sampling) -> tuple[Tensor, Tensor]:
        """Positions [ΣN, 3] in Å and species [ΣN]."""
        schedule = self.model.schedule
        times = schedule.times(settings.steps)
        reverse = schedule.deterministic if settings.sampler == "ddim" else schedule.reverse
        # The last call of the network is not counted: whoever asked for molecules says that they are there.
        progress = Progress("denoising", len(times))
        x, h = self.noise()
        for t, s in pairwise(times):
            step = reverse(t, s)
            width = step.noise * math.sqrt(settings.temperature)
            predicted_x, predicted_h = self.predict(x, h, t)
            noise_x, noise_h = self.noise()
            x = step.scale * x - step.shift * predicted_x + width * noise_x
            h = step.scale * h - step.shift * predicted_h + width * noise_h
            progress.update()
        progress.close()
        return self.decode(x, h)

    def noise(self) -> tuple[Tensor, Tensor]:
        """Normal noise for positions [ΣN, 3], centred in each molecule, and features [ΣN, S + 1]."""
        model = self.model
        drawn = torch.randn(
            len(self.molecule),
            3 + len(model.species) + 1,
            generator=self.generator,
            device=model.device,
            dtype=model.dtype,
        )
        return centre(drawn[:, :3], self.molecule, self.n_atoms), drawn[:, 3:]

    def predict(self, x: Tensor, h: Tensor, t: int) -> tuple[Tensor, Tensor]:
        """The model's ε̂ at time t."""
        z = Noisy(x, h, x.new_full((len(x),), t / self.model.schedule.timesteps))
        noise = self.model.denoise(z, self.molecule, self.n_atoms, self.pairs)
        return noise.x, noise.h

    def decode(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Draw positions from p(x | z_0); the species are the largest of the types in z_0."""
        alpha, sigma = (float(v[0]) for v in (self.model.schedule.alpha, self.model.schedule.sigma))
        predicted, _ = self.predict(x, h, 0)
        noise, _ = self.noise()
        return (x - sigma * predicted + sigma * noise) / alpha, h[:, :-1].argmax(dim=1)
