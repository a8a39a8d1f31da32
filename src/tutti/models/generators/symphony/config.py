"""Configuration of Symphony; the defaults are those of the published runs (docs/fidelity.md)."""

from dataclasses import dataclass, field
from typing import Literal

from tutti.core import elements
from tutti.core.registry import require_positive


@dataclass(frozen=True)
class FocusConfig:
    """E3SchNet that chooses the focus, the next species, or the end.

    Attributes:
        lmax, channels, layers, cutoff (Å): of the embedder.
        filters: channels of its convolutions.
        n_gaussians: radial basis functions.
        hidden: width of the head's two hidden layers.
    """

    lmax: int = 2
    channels: int = 64
    filters: int = 16
    layers: int = 3
    n_gaussians: int = 8
    cutoff: float = 5.0
    hidden: int = 128


@dataclass(frozen=True)
class PositionConfig:
    """NequIP embedder and head that place the next atom around the focus.

    Attributes:
        lmax: highest degree of features and of the signal on the sphere.
        channels, layers, n_basis, radial_hidden, cutoff (Å): of the embedder.
        neighbours: the embedder's sums over neighbours are divided by its root.
        species_product: how the next atom's species enters: "elementwise" = features times as many numbers of
            the species, as published; "outer" = all products with an embedding (equation 6 read literally).
        species_channels: width of that embedding.
        signal_channels: signals on the sphere whose exponentials are added.
        radius: "grid" = radial bins as published; "spline" = continuous, a rational-quadratic spline flow.
        min_radius, max_radius: Å, range of distances between focus and next atom.
        n_radii: bins of the grid, or radial basis functions of the angular signal for the spline.
        spline_bins: bins of the spline.
        polar, azimuths: quadrature on the sphere in training and for the radial marginal.
    """

    lmax: int = 5
    channels: int = 64
    layers: int = 3
    n_basis: int = 8
    radial_hidden: int = 64
    cutoff: float = 5.0
    neighbours: float = 300.0
    species_product: Literal["elementwise", "outer"] = "elementwise"
    species_channels: int = 64
    signal_channels: int = 2
    radius: Literal["grid", "spline"] = "grid"
    min_radius: float = 0.9
    max_radius: float = 2.0
    n_radii: int = 64
    spline_bins: int = 32
    polar: int = 60
    azimuths: int = 119

    def __post_init__(self) -> None:
        if not 0.0 < self.min_radius < self.max_radius:
            raise ValueError(
                f"min_radius {self.min_radius} and max_radius {self.max_radius} must be positive and grow"
            )
        if self.n_radii < 2:
            raise ValueError(f"n_radii is {self.n_radii}, must be at least 2")


@dataclass(frozen=True)
class Config:
    """Everything that a Symphony model is made from.

    Attributes:
        elements: symbols that the model knows.
        focus, position: the two networks.
        heavy_first: place all heavy atoms before the first hydrogen; an easier task than the published one.
        tolerance: Å, how much longer than the closest pair that of a focus and its next atom may be.
        candidate_radius: Å, the longest such pair, but for the closest.
        noise_variance: Å², of the Gaussian noise on the fragments' positions in training.
        radial_variance: Å², of the target's Gaussian in the distance.
        angular_sharpness: β, of the target's exponential on the sphere.
    """

    elements: tuple[str, ...] = ("H", "C", "N", "O", "F")
    focus: FocusConfig = field(default_factory=FocusConfig)
    position: PositionConfig = field(default_factory=PositionConfig)
    heavy_first: bool = False
    tolerance: float = 0.125
    candidate_radius: float = 2.03
    noise_variance: float = 2.5e-3
    radial_variance: float = 1e-5
    angular_sharpness: float = 20.0


@dataclass(frozen=True)
class Sampling:
    """Settings of sampling.

    Attributes:
        first_atom: symbol of the first atom, or "training" for the training set's distribution of it.
        max_atoms: a molecule that has not stopped by then is returned as unfinished.
        focus_temperature: of the choice of focus, species and end.
        position_temperature: of the next atom's position: it divides the signals on the sphere, for a grid of
            distances over all of space, for the spline at the drawn distance, whose density has power 1/T.
        polar, azimuths: grid on the sphere from which directions are drawn.
    """

    first_atom: str = "H"
    max_atoms: int = 35
    focus_temperature: float = 1.0
    position_temperature: float = 1.0
    polar: int = 180
    azimuths: int = 359

    def __post_init__(self) -> None:
        require_positive(self, "max_atoms", "focus_temperature", "position_temperature", "polar", "azimuths")
        if self.first_atom not in {"training", *elements.NUMBERS}:
            raise ValueError(f"first_atom is '{self.first_atom}', must be an element's symbol or 'training'")
