"""The elements that a model knows."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import nn

from tutti.core import elements
from tutti.core.structures import Structures


class Species(nn.Module):
    """A list of elements; a species is the position of an element in it.

    Attributes:
        symbols: the elements.
        numbers: [S] int64 buffer, their atomic numbers, on the model's device.
        hydrogen: position of hydrogen; −1 if it is not in the list.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        super().__init__()
        self.symbols = tuple(symbols)
        numbers = torch.tensor([elements.number(symbol) for symbol in symbols])
        self.register_buffer("numbers", numbers, persistent=False)
        # Stays on the CPU, where batches are made.
        self._positions = np.full(256, -1)
        self._positions[numbers.numpy()] = np.arange(len(numbers))
        self.hydrogen = int(self._positions[1])

    def __len__(self) -> int:
        return len(self.symbols)

    def of(self, numbers: np.ndarray) -> np.ndarray:
        """Species [N] int64 of atomic numbers [N].

        Raises:
            ValueError: when an element is not in the list.
        """
        species = self._positions[numbers]
        if len(species) and species.min() < 0:
            unknown = [elements.symbol(int(z)) for z in np.unique(np.asarray(numbers)[species < 0])]
            raise ValueError(
                f"the data hold {', '.join(unknown)}, which the model does not know; add them to `elements` "
                f"in its configuration (now {', '.join(self.symbols)})"
            )
        return species

    def atomic_numbers(self, species: torch.Tensor) -> np.ndarray:
        """Atomic numbers [N] uint8 of species [N]."""
        return self.numbers[species].cpu().numpy().astype(np.uint8)

    def check(self, structures: Structures) -> None:
        """Refuse structures with elements that are not in the list, as `of` does."""
        self.of(structures.numbers)


class SpeciesModel(Protocol):
    """What every sampler asks of its model.

    Attributes:
        species: the elements that it knows.
    """

    species: Species

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of the parameters."""
