"""Configuration of flow matching; by default the network is that of EquiFM for QM9 (Song et al. 2023)."""

from dataclasses import dataclass
from typing import Literal

from tutti.core.registry import require_positive
from tutti.models.generators.flow_matching.integration import EVALUATIONS


@dataclass(frozen=True)
class Config:
    """Everything that a flow is made from.

    Attributes:
        elements: symbols that the model knows.
        noise_width: Å, standard deviation of the noise from which positions start.
        type_scale: factor of the one-hot types, whose noise has the standard deviation 1: with less the
            types are decided later.
        type_weight: of the types' cross-entropy in the loss.
        shift: 1 draws times uniformly; with more, more of them lie near the end, see `integration.shifted`.
        layers, channels, coordinate_range, distances: of the EGNN, see `tutti.models.generators.edm.Config`.
        max_size: length of the histogram of molecule sizes; no larger molecule can be learnt.
    """

    elements: tuple[str, ...] = ("H", "C", "N", "O", "F")
    noise_width: float = 1.0
    type_scale: float = 0.25
    type_weight: float = 4.0
    shift: float = 1.0
    layers: int = 9
    channels: int = 256
    coordinate_range: float = 15.0
    distances: Literal["squares", "gaussians"] = "squares"
    max_size: int = 64

    def __post_init__(self) -> None:
        require_positive(
            self, "noise_width", "type_scale", "type_weight", "shift", "layers", "channels", "max_size"
        )


@dataclass(frozen=True)
class Sampling:
    """Settings of sampling.

    Attributes:
        max_atoms: larger molecules are not drawn from the histogram of sizes.
        sampler: "euler" and "midpoint" integrate the flow, with first and second order; "renewal" takes the
            noise anew in each step (see `flow.Flow.renewal`).
        evaluations: calls of the network, two for each step of "midpoint", one for each of the others.
        shift: of the steps' times, as `Config.shift`.
    """

    max_atoms: int = 35
    sampler: Literal["euler", "midpoint", "renewal"] = "midpoint"
    evaluations: int = 100
    shift: float = 1.0

    def __post_init__(self) -> None:
        require_positive(self, "max_atoms", "evaluations", "shift")
        in_a_step = EVALUATIONS[self.sampler]
        if self.evaluations % in_a_step:
            raise ValueError(
                f"evaluations is {self.evaluations}, must be a multiple of {in_a_step} with the sampler "
                f"{self.sampler}"
            )
