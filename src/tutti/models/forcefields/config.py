"""What the configurations of all force fields share."""

from dataclasses import dataclass, field, replace
from typing import Literal, Self

import numpy as np

from tutti.core import elements
from tutti.core.properties import KEYS
from tutti.core.structures import Structures


@dataclass(frozen=True)
class Loss:
    """energy · mean (E − Ê)² + forces · mean over structures of (1/n) Σ_i ‖F_i − F̂_i‖², in eV² and (eV/Å)².

    Attributes:
        energy: weight of the first term.
        forces: weight of the second.
        per_atom: divide energies by the number of atoms before they are compared.
    """

    energy: float = 0.01
    forces: float = 1.0
    per_atom: bool = False

    def __post_init__(self) -> None:
        if self.energy < 0 or self.forces < 0 or self.energy + self.forces == 0:
            raise ValueError(f"energy {self.energy} and forces {self.forces}: weights, not both 0")


@dataclass(frozen=True)
class ForceFieldConfig:
    """What the configurations of all force fields share.

    Attributes:
        elements: symbols that the model knows; None: those of the data it is trained on.
        cutoff: Å.
        target: "energy" (with forces), or a property of `tutti.core.properties`, such as "homo" or "mu".
        references: energies of the free atoms that the sum over atoms starts from: "least_squares" fits them
            to the training set; or eV by symbol, {"H": -13.6, ...}.
        loss: weights; only for the energy.
    """

    elements: tuple[str, ...] | None = None
    cutoff: float = 5.0
    target: str = "energy"
    references: Literal["least_squares"] | dict[str, float] = "least_squares"
    loss: Loss = field(default_factory=Loss)

    def __post_init__(self) -> None:
        if self.cutoff <= 0:
            raise ValueError(f"cutoff is {self.cutoff}, must be positive")
        if self.target not in KEYS:
            raise ValueError(f"target is '{self.target}'; known are {', '.join(KEYS)}")
        unknown = sorted({*(self.elements or ()), *self._given_references()} - elements.NUMBERS.keys())
        if unknown:
            raise ValueError(f"no chemical element is called {', '.join(unknown)}")
        missing = sorted(set(self.elements or ()) - set(self._given_references()))
        if self._given_references() and missing:
            raise ValueError(f"references has no energy of {', '.join(missing)}")

    def _given_references(self) -> dict[str, float]:
        return self.references if isinstance(self.references, dict) else {}

    def for_data(self, structures: Structures) -> Self:
        """The configuration with the elements of `structures`, unless it names its own."""
        if self.elements is not None:
            return self
        return replace(self, elements=tuple(elements.symbol(int(z)) for z in np.unique(structures.numbers)))
