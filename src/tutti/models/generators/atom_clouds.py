"""What generators share that make all atoms of a molecule at once, out of noise (EDM, flow matching)."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from tutti.core.structures import Structures
from tutti.models.base import Generator
from tutti.models.species import Species
from tutti.nn.neighbours import segment_index

RAREST = 1e-6
"""Share of the atoms that a type counts with at least, so that one the training set lacks has a logarithm."""


class CloudConfig(Protocol):
    """What `AtomClouds` reads of a configuration.

    Attributes:
        elements: symbols that the model knows.
        max_size: length of the histogram of molecule sizes; no larger molecule can be learnt.
    """

    elements: tuple[str, ...]
    max_size: int


class AtomClouds(Generator):
    """A generator whose molecules have as many atoms as one of the training set, drawn before all else.

    Attributes:
        species: the elements that it knows.
        sizes: [max_size] buffer, molecules of 1 ... max_size atoms in the training set.
    """

    def __init__(self, config: CloudConfig) -> None:
        super().__init__(config)
        self.species = Species(config.elements)
        self.register_buffer("sizes", torch.ones(config.max_size))

    def fit_statistics(self, structures: Structures) -> None:
        """Histogram of the training set's sizes.

        Raises:
            ValueError: when a molecule is larger than `max_size`, or an element is unknown.
        """
        self.species.check(structures)
        largest = int(structures.n_atoms.max())
        if largest > self.config.max_size:
            raise ValueError(
                f"the data hold molecules of up to {largest} atoms; raise `max_size` in the model's "
                f"configuration (now {self.config.max_size})"
            )
        counts = np.bincount(structures.n_atoms, minlength=self.config.max_size + 1)[1:]
        self.sizes.copy_(torch.from_numpy(counts))

    def largest(self) -> Tensor:
        """[] number of atoms of the training set's largest molecule."""
        return ((self.sizes > 0) * torch.arange(1, len(self.sizes) + 1, device=self.sizes.device)).amax()

    def draw_sizes(self, n: int, max_atoms: int, generator: torch.Generator) -> Tensor:
        """Numbers of atoms [n] of molecules, from the histogram up to `max_atoms`.

        Raises:
            ValueError: when the histogram has none so small.
        """
        allowed = self.sizes[:max_atoms]
        if not bool(allowed.any()):
            smallest = int(torch.nonzero(self.sizes)[0]) + 1
            raise ValueError(
                f"max_atoms is {max_atoms}, but the smallest molecule the model knows has {smallest}"
            )
        return 1 + torch.multinomial(allowed, n, replacement=True, generator=generator)

    def molecules(self, n_atoms: Tensor, x: Tensor, species: Tensor) -> Structures:
        """Molecules of `n_atoms` [B], positions [ΣN, 3] in Å and species [ΣN]; not finite is not finished."""
        broken = (~torch.isfinite(x)).any(1).to(x.dtype)
        bad = x.new_zeros(len(n_atoms)).index_add(0, segment_index(n_atoms), broken)
        return Structures(
            n_atoms=n_atoms.cpu().numpy(),
            numbers=self.species.atomic_numbers(species),
            positions=x.cpu().double().numpy(),
            columns={"finished": (bad == 0).cpu().numpy()},
        )


def standardised(h: Tensor, features: Tensor, shares: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """h = alpha f + sigma ε [N, K] with mean 0 and variance 1 in each feature, at all levels [N, 1].

    Args:
        h: noisy features.
        features: [S, K], f of each type.
        shares: [S], of the types.
        alpha, sigma: the levels of signal and noise.
    """
    mean = shares @ features
    return (h - alpha * mean) / (alpha**2 * (shares @ (features - mean) ** 2) + sigma**2).sqrt()


def evidence(h: Tensor, features: Tensor, shares: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """log p(type, h) of independent atoms, [N, S], but for what all types share; as in `standardised`."""
    prior = shares.clamp_min(RAREST).log()
    return prior + alpha * (h @ features.T - 0.5 * alpha * features.square().sum(1)) / sigma**2
