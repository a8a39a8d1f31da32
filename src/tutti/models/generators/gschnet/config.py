"""Configuration of G-SchNet; the defaults are those of the published model of QM9 (Gebauer et al. 2019).

Where the paper and the authors' code differ, they are the code's.
"""

from dataclasses import dataclass
from typing import Literal

from tutti.core.registry import require_positive


@dataclass(frozen=True)
class Config:
    """Everything that a G-SchNet model is made from.

    Attributes:
        elements: symbols that the model knows.
        channels, layers, n_gaussians, cutoff (Å): of SchNet.
        cutoff_function: what its filters are multiplied by: "hard" (1 up to the cutoff) or "cosine", which
            falls smoothly to 0 there.
        type_head: what the type head reads: "embeddings" (features of the node times the embedding of each
            type; one network for all) or "features" (of the node alone; one output per type, cheaper).
        head_layers: dense layers of each of the two heads; their widths change linearly to the outputs.
        n_bins: bins of the distance head; the first is centred at 0 and the last at `max_distance`.
        max_distance: Å.
        label_width: labels are exp(−(d − c)² / (label_width · Δ)) with Δ the distance between two centres,
            both in Å.
        loss_mean: what the loss is a mean over: "steps" (all steps of a batch for the types, all nodes of all
            its steps for the distances) or "molecules" (the paper's formula: the nodes of a step, the steps
            of a molecule, then the molecules).
        noise_variance: Å², of Gaussian noise in training on the atoms that are there already (published:
            none); the next one belongs where it is without noise.
    """

    elements: tuple[str, ...] = ("H", "C", "N", "O", "F")
    channels: int = 128
    layers: int = 9
    n_gaussians: int = 25
    cutoff: float = 10.0
    cutoff_function: Literal["hard", "cosine"] = "hard"
    type_head: Literal["embeddings", "features"] = "embeddings"
    head_layers: int = 5
    n_bins: int = 300
    max_distance: float = 15.0
    label_width: float = 0.1
    loss_mean: Literal["steps", "molecules"] = "steps"
    noise_variance: float = 0.0

    def __post_init__(self) -> None:
        require_positive(self, "channels", "layers", "cutoff", "head_layers", "max_distance", "label_width")
        if self.noise_variance < 0.0:
            raise ValueError(f"noise_variance is {self.noise_variance}, must not be negative")
        if min(self.n_bins, self.n_gaussians) < 2:
            raise ValueError(
                f"n_bins ({self.n_bins}) and n_gaussians ({self.n_gaussians}) must be at least 2"
            )

    @property
    def bin_width(self) -> float:
        """Δ, the distance between the centres of two bins, Å."""
        return self.max_distance / (self.n_bins - 1)


@dataclass(frozen=True)
class Sampling:
    """Settings of sampling.

    Attributes:
        max_atoms: a molecule that wants another atom by then is returned as unfinished.
        position_temperature: of the next atom's position: the product of all votes has the power 1/T. The
            first atom's distance from the origin has none.
        grid_spacing: Å, of the points around the focus.
        min_radius, max_radius: Å, how far from the focus those points are.
        bin_parts: what each bin of the votes is divided into; between their centres log p is interpolated
            (published: 1, all distances within a bin are alike).
    """

    max_atoms: int = 35
    position_temperature: float = 0.1
    grid_spacing: float = 0.05
    min_radius: float = 0.9
    max_radius: float = 1.7
    bin_parts: int = 1

    def __post_init__(self) -> None:
        require_positive(self, "max_atoms", "position_temperature", "grid_spacing", "bin_parts")
        if not 0.0 <= self.min_radius < self.max_radius:
            raise ValueError(
                f"min_radius {self.min_radius} must lie between 0 and max_radius {self.max_radius}"
            )
        if self.grid_spacing > self.max_radius - self.min_radius:
            raise ValueError(f"grid_spacing is {self.grid_spacing}, wider than the shell of points")
