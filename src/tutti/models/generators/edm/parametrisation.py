"""What the network of a diffusion model predicts: the noise itself, or what a closed form leaves of it."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from tutti.models.generators.atom_clouds import evidence, standardised
from tutti.models.generators.edm.schedule import Schedule
from tutti.nn.egnn import EGNN, FullPairs


class Noisy(NamedTuple):
    """z_t of all atoms.

    Attributes:
        x, h: [ΣN, 3] and [ΣN, S + 1], positions' and features' part.
        times: [ΣN], t / T.
    """

    x: Tensor
    h: Tensor
    times: Tensor


class Prediction(NamedTuple):
    """ε̂ in z_t.

    Attributes:
        x, h: [ΣN, 3], not centred, and [ΣN, S + 1].
        log_types: [ΣN, S], log p(type | z_t); None where the network does not predict it.
    """

    x: Tensor
    h: Tensor
    log_types: Tensor | None


class NoisePrediction(nn.Module):
    """ε̂ is the network's result (Hoogeboom et al. 2022, section 3)."""

    def __init__(self, n_species: int) -> None:
        super().__init__()
        self.n_out = n_species + 1

    def forward(self, network: EGNN, z: Noisy, pairs: FullPairs) -> Prediction:
        """The noise in `z`."""
        noise_h, moved = network(torch.cat([z.h, z.times[:, None]], dim=1), z.x, pairs)
        return Prediction(moved - z.x, noise_h, None)


class DataPrediction(nn.Module):
    """The network corrects what the best denoisers of atoms without neighbours say.

    Positions: were they normal with the training set's variance s², E[ε | z] would be σ z / v with
    v = α² s² + σ², and the rest of ε would have the variance α² s² / v. The network's input is z / √v and its
    target that rest in units of its own width (Karras et al. 2022, appendix B.6, for α² + σ² = 1).

    Types: were atoms independent, p(type | z) would be proportional to the type's share of the training set
    times the normal density of the features' part of z around α times the type's features. The network adds
    to its logarithm, and ε̂ follows from the mean of the features (Dieleman et al. 2022, section 3.1).
    """

    def __init__(self, schedule: Schedule, features: np.ndarray) -> None:
        """`features` [S, S + 1]: of each type, scaled."""
        super().__init__()
        self.n_out = len(features)
        self.timesteps = schedule.timesteps
        constants = {"alpha": schedule.alpha, "sigma": schedule.sigma, "features": features}
        for name, values in constants.items():
            self.register_buffer(name, torch.as_tensor(values), persistent=False)  # float64
        self.register_buffer("width", torch.ones(()))
        self.register_buffer("shares", torch.full((len(features),), 1.0 / len(features)))

    def fit(self, positions: Tensor, species: Tensor) -> None:
        """Width of the centred `positions` [N, 3], and shares of the types among `species` [N]."""
        self.width.copy_(positions.square().mean().sqrt())
        self.shares.copy_(torch.bincount(species, minlength=self.n_out) / len(species))

    def levels(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """α and σ, [ΣN, 1], at `times` [ΣN], t / T."""
        t = (times * self.timesteps).round().long()
        return self.alpha[t, None].to(times.dtype), self.sigma[t, None].to(times.dtype)

    def gain(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Width of what the closed form leaves of the positions' noise, α s / √v, of the shape of `alpha`."""
        return alpha * self.width / ((alpha * self.width) ** 2 + sigma**2).sqrt()

    def forward(self, network: EGNN, z: Noisy, pairs: FullPairs) -> Prediction:
        """The noise in `z`, and the types' probabilities."""
        alpha, sigma = self.levels(z.times)
        features = self.features.to(z.h.dtype)
        variance = (alpha * self.width) ** 2 + sigma**2
        x = z.x / variance.sqrt()
        of_types = (z.h, features, self.shares, alpha, sigma)
        logits, moved = network(torch.cat([standardised(*of_types), z.times[:, None]], dim=1), x, pairs)
        log_types = torch.log_softmax(evidence(*of_types) + logits, dim=1)
        noise_h = (z.h - alpha * (log_types.exp() @ features)) / sigma
        return Prediction(sigma * z.x / variance + self.gain(alpha, sigma) * (moved - x), noise_h, log_types)
