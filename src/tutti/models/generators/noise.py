"""Training on positions with noise, which keeps a generator from relying on exact ones."""

import numpy as np

from tutti.core.structures import Structures
from tutti.models.base import Batch, Generator


class NoisyGenerator(Generator):
    """One that learns from positions with noise, `config.noise_variance`, and is validated without."""

    def collate(self, structures: Structures, items: np.ndarray, rng: np.random.Generator) -> Batch:
        """`disturbed` with the noise of training."""
        return self.disturbed(structures, items, rng, self.config.noise_variance**0.5)

    def collate_validation(
        self, structures: Structures, items: np.ndarray, rng: np.random.Generator
    ) -> Batch:
        """`disturbed` without noise."""
        return self.disturbed(structures, items, rng, 0.0)

    def disturbed(
        self, structures: Structures, items: np.ndarray, rng: np.random.Generator, noise: float
    ) -> Batch:
        """The batch of `items`, with Gaussian noise (Å, its standard deviation) on their positions."""
        raise NotImplementedError
