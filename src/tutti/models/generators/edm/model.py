"""EDM: all atoms of a molecule, positions and features, denoised together."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tutti.core.structures import Structures
from tutti.models.generators.atom_clouds import AtomClouds
from tutti.models.generators.edm.config import Config, Sampling
from tutti.models.generators.edm.denoising import Denoising
from tutti.models.generators.edm.likelihood import log_charges, log_types
from tutti.models.generators.edm.parametrisation import (
    DataPrediction,
    NoisePrediction,
    Noisy,
    Prediction,
)
from tutti.models.generators.edm.schedule import Schedule
from tutti.nn.egnn import EGNN, FullPairs, centre
from tutti.nn.neighbours import segment_index
from tutti.nn.tensors import Tensors

TYPE_WEIGHT = 4.0
"""Of the types' cross-entropy in the loss, where the network predicts them."""


@dataclass(frozen=True)
class DiffusionBatch(Tensors):
    """B molecules at random times, with noise.

    Attributes:
        n_atoms, molecule: [B] atoms of each molecule, [ΣN] molecule of each atom.
        pairs: all pairs of atoms.
        species, features: [ΣN]; [ΣN, S + 1], scaled one-hot types and charges.
        positions: [ΣN, 3] Å, centred.
        noise_positions, noise_features: ε, [ΣN, 3] centred and [ΣN, S + 1].
        times: [B] int64, 0 ... T.
        importance: [B], 1 / (T + 1) over the probability with which the time was drawn.
        alpha, sigma, weights: [B], the schedule's at `times`.
        outside: [B], nats, the part of the bound that the network has no influence on.
    """

    n_atoms: Tensor
    molecule: Tensor
    pairs: FullPairs
    species: Tensor
    features: Tensor
    positions: Tensor
    noise_positions: Tensor
    noise_features: Tensor
    times: Tensor
    importance: Tensor
    alpha: Tensor
    sigma: Tensor
    weights: Tensor
    outside: Tensor

    def total(self, of_atoms: Tensor) -> Tensor:
        """Sums [B] over the atoms of each molecule."""
        return of_atoms.new_zeros(len(self.n_atoms)).index_add(0, self.molecule, of_atoms)

    def mean(self, at_zero: Tensor | float, later: Tensor | float) -> Tensor:
        """Mean over all times, estimated from those drawn: `at_zero` [B] at t = 0, `later` [B] after it."""
        return (self.importance * torch.where(self.times > 0, later, at_zero)).mean()


def schedule_of(config: Config) -> Schedule:
    """The noise schedule that is configured."""
    if config.schedule == "cosine":
        return Schedule.cosine(config.timesteps, config.precision, config.shift)
    return Schedule.polynomial(config.timesteps, config.precision)


class EDM(AtomClouds):
    """Hoogeboom, Garcia Satorras, Vignac and Welling, ICML 2022 (arXiv:2203.17003)."""

    module = "edm"
    precisions = ("32-true", "64-true", "bf16-mixed")

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.schedule = schedule_of(config)
        n_species = len(self.species)
        if config.parametrisation == "noise":
            self.parametrisation = NoisePrediction(n_species)
        else:
            features = self._features(np.arange(n_species), self.species.numbers.numpy())
            self.parametrisation = DataPrediction(self.schedule, features)
        self.network = EGNN(
            n_species + 2,  # features and time
            self.parametrisation.n_out,
            channels=config.channels,
            layers=config.layers,
            coordinate_range=config.coordinate_range,
            distances=config.distances,
        )

    def fit_statistics(self, structures: Structures) -> None:
        """Histogram of the training set's sizes, and what its parametrisation takes from it.

        Raises:
            ValueError: when a molecule is larger than `max_size`, or an element is unknown.
        """
        super().fit_statistics(structures)
        if isinstance(self.parametrisation, DataPrediction):
            n_atoms = torch.from_numpy(structures.n_atoms)
            positions = centre(torch.from_numpy(structures.positions), segment_index(n_atoms), n_atoms)
            species = torch.from_numpy(self.species.of(structures.numbers))
            self.parametrisation.fit(positions, species)

    def collate(self, structures: Structures, items: np.ndarray, rng: np.random.Generator) -> DiffusionBatch:
        """Molecules at times drawn uniformly from 0 ... T, with noise."""
        times = rng.integers(0, self.config.timesteps + 1, size=len(items))
        return self.diffuse(structures, items, times, np.ones(len(items)), rng)

    def collate_validation(
        self, structures: Structures, items: np.ndarray, rng: np.random.Generator
    ) -> DiffusionBatch:
        """Every molecule twice, at t = 0 and at a time of 1 ... T, as the authors validate.

        At t = 0 the bound has its largest term and nearly all its scatter between draws.
        """
        timesteps = self.config.timesteps
        later = rng.integers(1, timesteps + 1, size=len(items))
        times = np.concatenate([np.zeros_like(later), later])
        importance = np.where(times == 0, 1, timesteps) * 2 / (timesteps + 1)
        return self.diffuse(structures, np.tile(items, 2), times, importance, rng)

    def diffuse(
        self,
        structures: Structures,
        items: np.ndarray,
        times: np.ndarray,
        importance: np.ndarray,
        rng: np.random.Generator,
    ) -> DiffusionBatch:
        """The molecules `items` [B] at `times` [B], with noise; for `importance` [B] see `DiffusionBatch`."""
        atoms, counts = structures.atom_rows(items), structures.n_atoms[items]
        species = self.species.of(structures.numbers[atoms])
        features = self._features(species, structures.numbers[atoms])
        n_atoms = torch.from_numpy(counts)
        molecule = segment_index(n_atoms)
        positions, noise = (
            centre(torch.from_numpy(vectors), molecule, n_atoms)
            for vectors in (structures.positions[atoms], rng.standard_normal((len(atoms), 3)))
        )
        squares = positions.square().sum(1).numpy() + (features**2).sum(1)
        square = np.bincount(molecule, squares, len(items))

        def tensor(values: np.ndarray | Tensor) -> Tensor:
            return torch.as_tensor(values, dtype=self.dtype)

        return DiffusionBatch(
            n_atoms=n_atoms,
            molecule=molecule,
            pairs=FullPairs.of_molecules(n_atoms),
            species=torch.from_numpy(species),
            features=tensor(features),
            positions=tensor(positions),
            noise_positions=tensor(noise),
            noise_features=tensor(rng.standard_normal(features.shape)),
            times=torch.from_numpy(times),
            importance=tensor(importance),
            alpha=tensor(self.schedule.alpha[times]),
            sigma=tensor(self.schedule.sigma[times]),
            weights=tensor(self.schedule.weights[times]),
            outside=tensor(self._outside(counts, features.shape[1], square)),
        )

    def _features(self, species: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """[N, S + 1]: one-hot types and charges, scaled."""
        one_hot = np.eye(len(self.species))[species]
        return np.column_stack([self.config.type_scale * one_hot, self.config.charge_scale * numbers])

    def _outside(self, counts: np.ndarray, n_features: int, square: np.ndarray) -> np.ndarray:
        """[B] nats: the prior's KL, and the normalisation of p(x | z_0) in 3 (n − 1) dimensions."""
        of_positions = 3 * (counts - 1)
        prior = self.schedule.prior_divergence(of_positions + n_features * counts, square)
        log_width = 0.5 * (math.log(2 * math.pi) + float(self.schedule.gamma[0]))
        return prior + of_positions * log_width

    def training_step(self, batch: DiffusionBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the bound on −log p of the same draw.

        The loss of a molecule is that of the paper's training ("L2"), ½ ‖ε − ε̂‖² over the number of values of
        the training set's largest molecule (in the authors' code: of the batch's, so that there a loss is no
        mean over its items). At t = 0 only the noise of the positions counts so, and −log p(types, charges |
        z_0), which the network has no influence on, comes on top. With another parametrisation see
        `_errors`.

        Returns:
            The loss, its parts `positions`, `features` (t > 0) and `zero` (t = 0), and `nll`: an unbiased
            estimate, from the batch's times, of the bound on −log p(molecule, number of atoms) in nats,
            lengths in Å.
        """
        alpha, sigma = (values[batch.molecule, None] for values in (batch.alpha, batch.sigma))
        x = alpha * batch.positions + sigma * batch.noise_positions
        h = alpha * batch.features + sigma * batch.noise_features
        z = Noisy(x, h, batch.times.to(x.dtype)[batch.molecule] / self.config.timesteps)
        noise = self.denoise(z, batch.molecule, batch.n_atoms, batch.pairs)
        error_x = batch.total((noise.x - batch.noise_positions).square().sum(1))
        error_h = batch.total((noise.h - batch.noise_features).square().sum(1))
        unknown = -batch.total(self._log_features(h, batch.species))  # nats, of types and charges given z_0
        loss_x, loss_h = self._errors(batch, noise, error_x, error_h)
        values = (3 + h.shape[1]) * self.largest()
        parts = {
            "positions": batch.mean(0.0, 0.5 * loss_x / values),
            "features": batch.mean(0.0, 0.5 * loss_h / values),
            "zero": batch.mean(0.5 * loss_x / values + unknown, 0.0),
        }
        diffusion = batch.mean(0.5 * error_x + unknown, batch.weights * (error_x + error_h))
        nll = (self.config.timesteps + 1) * diffusion + (batch.outside - self._log_size(batch.n_atoms)).mean()
        loss = sum(parts.values())
        return loss, {name: part.detach() for name, part in (parts | {"nll": nll}).items()}

    def _errors(
        self, batch: DiffusionBatch, noise: Prediction, error_x: Tensor, error_h: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Of positions and features, [B] each, as the loss has them.

        Those of ε̂ when the network predicts it. Otherwise, of the positions, the error in units of what the
        closed form leaves to the network, and of the features −2 `TYPE_WEIGHT` log p(type | z_t).
        """
        if noise.log_types is None:
            return error_x, error_h
        own = noise.log_types.gather(1, batch.species[:, None]).squeeze(1)
        gain = self.parametrisation.gain(batch.alpha, batch.sigma)
        return error_x / gain**2, -2 * TYPE_WEIGHT * batch.total(own)

    def _log_features(self, h: Tensor, species: Tensor) -> Tensor:
        """log p(type, charge | z_0) of each atom, [ΣN]; `h` [ΣN, S + 1] is the features' part of z_0."""
        types, charges = h[:, :-1] / self.config.type_scale, h[:, -1] / self.config.charge_scale
        sigma = float(self.schedule.sigma[0])
        return log_types(types, species, sigma / self.config.type_scale) + log_charges(
            charges, self.species.numbers[species], sigma / self.config.charge_scale
        )

    def _log_size(self, n_atoms: Tensor) -> Tensor:
        """log p(number of atoms) [B]; a size that the training set lacks counts as if one molecule had it."""
        within = n_atoms.clamp_max(len(self.sizes)) - 1
        counts = torch.where(n_atoms > len(self.sizes), 0.0, self.sizes[within])
        return torch.log(counts.clamp_min(1.0) / self.sizes.sum())

    def denoise(self, z: Noisy, molecule: Tensor, n_atoms: Tensor, pairs: FullPairs) -> Prediction:
        """The noise in z, that of the positions centred.

        Args:
            z: of all atoms.
            molecule: [ΣN], number of each atom's molecule.
            n_atoms: [B].
            pairs: of atoms of the same molecule.
        """
        noise = self.parametrisation(self.network, z, pairs)
        return noise._replace(x=centre(noise.x, molecule, n_atoms))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator, settings: Sampling) -> Structures:
        """`n` molecules, sizes drawn from the training set's histogram, all denoised at once.

        Raises:
            ValueError: when no size of the histogram is within `settings.max_atoms`, or `settings.steps` is
                above T.
        """
        n_atoms = self.draw_sizes(n, settings.max_atoms, generator)
        x, species = Denoising(self, n_atoms, generator).run(settings)
        return self.molecules(n_atoms, x, species)
