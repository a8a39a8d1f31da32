"""What the configurations of all force fields share."""

import warnings
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
        references: energies that the sum over atoms starts from: "isolated", those of the isolated atoms that
            the data bring; "least_squares", fitted to the training set; or eV by symbol, {"H": -13.6, ...}.
            None: isolated where the data bring all of them, else least squares. Only for the energy.
        exact_free_atoms: whether an atom without neighbours has exactly its reference energy: what the
            network says of it is taken from what it says of each atom of the element, and what binds an atom
            on average is added where it has neighbours (`tutti.models.forcefields.free_atoms`). None: so it
            is, except with least squares, whose references are no energies of free atoms.
        loss: weights; only for the energy.
    """

    elements: tuple[str, ...] | None = None
    cutoff: float = 5.0
    target: str = "energy"
    references: Literal["isolated", "least_squares"] | dict[str, float] | None = None
    exact_free_atoms: bool | None = None
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
        """The configuration with the elements of `structures`, unless it names its own, and its references.

        Raises:
            ValueError: when it asks for energies of isolated atoms that the data do not bring.
        """
        symbols = self.elements or tuple(elements.symbol(int(z)) for z in np.unique(structures.numbers))
        references = self.references if self.target == "energy" else "least_squares"
        missing = [symbol for symbol in symbols if symbol not in structures.free_atoms]
        if references is None:
            references = "least_squares" if missing else "isolated"
            if missing and structures.free_atoms:
                what = "the data bring isolated atoms, but none of"
                rest = "the reference energies are fitted by least squares"
                warnings.warn(f"{what} {', '.join(missing)}: {rest}", stacklevel=2)
        elif references == "isolated" and missing:
            what = "references: the data bring no isolated atom of"
            remedy = "add one, give the energies by symbol, or choose least_squares"
            raise ValueError(f"{what} {', '.join(missing)}; {remedy}")
        exact = references != "least_squares" if self.exact_free_atoms is None else self.exact_free_atoms
        return replace(
            self,
            elements=symbols,
            references=references,
            exact_free_atoms=exact and self.target == "energy",
        )
