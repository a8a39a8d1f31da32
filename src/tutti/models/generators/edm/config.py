"""Configuration of EDM; the defaults are those of the published model of QM9 (Hoogeboom et al. 2022).

Where the paper and the authors' code differ, they are the code's.
"""

from dataclasses import dataclass
from typing import Literal

from tutti.core.registry import require_positive


@dataclass(frozen=True)
class Config:
    """Everything that an EDM is made from.

    Attributes:
        elements: symbols that the model knows.
        timesteps: T, of the diffusion.
        schedule: "polynomial" as published, or "cosine": σ/α = tan(πt / 2T) / shift (Hoogeboom et al. 2023).
        shift: of "cosine"; with more, more of the times have little noise.
        precision: s, how far α stays from 1 and 0 (see `schedule.Schedule`).
        type_scale, charge_scale: factors of the one-hot types and of the atomic number; positions (Å) have 1.
        layers, channels: of the EGNN.
        coordinate_range: bound of a pair's weight in a layer's update of the positions. The paper writes
            15 / layers, the authors' code uses 15 in each.
        distances: what the EGNN sees of a distance: "squares", its square, as published, or "gaussians", a
            basis of 16 Gaussians.
        parametrisation: what the network predicts: "noise" as published, or "data" (see `DataPrediction`).
        max_size: length of the histogram of molecule sizes; no larger molecule can be learnt.
    """

    elements: tuple[str, ...] = ("H", "C", "N", "O", "F")
    timesteps: int = 1000
    schedule: Literal["polynomial", "cosine"] = "polynomial"
    shift: float = 1.0
    precision: float = 1e-5
    type_scale: float = 0.25
    charge_scale: float = 0.1
    layers: int = 9
    channels: int = 256
    coordinate_range: float = 15.0
    distances: Literal["squares", "gaussians"] = "squares"
    parametrisation: Literal["noise", "data"] = "noise"
    max_size: int = 64

    def __post_init__(self) -> None:
        require_positive(self, "timesteps", "shift", "type_scale", "charge_scale", "layers", "channels")
        if not 0.0 < self.precision < 0.5:
            raise ValueError(f"precision is {self.precision}, must lie between 0 and 0.5")
        if self.max_size < 1:
            raise ValueError(f"max_size is {self.max_size}, must be at least 1")


@dataclass(frozen=True)
class Sampling:
    """Settings of sampling.

    Attributes:
        max_atoms: larger molecules are not drawn from the histogram of sizes.
        sampler: "ancestral" as published, or "ddim", whose denoising steps add no noise.
        steps: denoising steps; None: all T of the model. Fewer leave out times, evenly, which is no longer
            the published sampler.
        temperature: what the variance of the noise of the denoising steps is multiplied by; not 1 is not
            the published sampler.
    """

    max_atoms: int = 35
    sampler: Literal["ancestral", "ddim"] = "ancestral"
    steps: int | None = None
    temperature: float = 1.0

    def __post_init__(self) -> None:
        require_positive(self, "max_atoms", "steps", "temperature")
