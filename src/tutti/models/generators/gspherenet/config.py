"""Configuration of G-SphereNet; the defaults are the published ones (Luo and Ji 2022)."""

from dataclasses import dataclass

from tutti.core.registry import require_positive


@dataclass(frozen=True)
class Config:
    """Everything that a G-SphereNet is made from.

    Attributes:
        elements: symbols that the model knows.
        cutoff: Å, of the embedder's edges.
        channels: width of messages and features.
        layers: interactions of the embedder.
        triplet_channels: width in which messages of triplets are summed.
        basis_channels: width to which the bases of angles and torsions are reduced first.
        n_spherical, n_radial: degrees, and radial functions for each, of the bases.
        residuals_before, residuals_after: residual blocks of an interaction before and after its skip.
        heads: of the attention from the local feature to all atoms.
        flow_layers: affine layers of each flow.
        tolerance: Å, up to which distances count as equal in the order of the atoms and the choice of
            references (the paper has none).
        noise_variance: Å², of Gaussian noise in training on the atoms that are there already (the paper has
            none); the next one is placed where it is without noise.
        dequantisation: what is added to one-hot types is uniform between 0 and this.
    """

    elements: tuple[str, ...] = ("H", "C", "N", "O", "F")
    cutoff: float = 5.0
    channels: int = 128
    layers: int = 4
    triplet_channels: int = 64
    basis_channels: int = 8
    n_spherical: int = 7
    n_radial: int = 6
    residuals_before: int = 1
    residuals_after: int = 2
    heads: int = 4
    flow_layers: int = 6
    tolerance: float = 0.0
    noise_variance: float = 0.0
    dequantisation: float = 0.9

    def __post_init__(self) -> None:
        if self.channels % self.heads:
            raise ValueError(f"channels {self.channels} is no multiple of heads {self.heads}")
        if not 0.0 < self.dequantisation < 1.0:
            raise ValueError(f"dequantisation is {self.dequantisation}, must lie between 0 and 1")


@dataclass(frozen=True)
class Sampling:
    """Settings of sampling.

    Attributes:
        min_atoms: until then the likeliest atom takes a neighbour even if none passes the threshold.
        max_atoms: a molecule that has not stopped by then is returned as unfinished.
        focus_threshold: an atom can take a neighbour if its probability is at least this; at 0 all can.
        type_temperature, distance_temperature, angle_temperature, torsion_temperature: standard deviations of
            the Gaussians that the flows turn into the next atom's coordinates.
    """

    min_atoms: int = 2
    max_atoms: int = 35
    focus_threshold: float = 0.5
    type_temperature: float = 0.5
    distance_temperature: float = 0.3
    angle_temperature: float = 0.4
    torsion_temperature: float = 1.0

    def __post_init__(self) -> None:
        temperatures = [f"{name}_temperature" for name in ("type", "distance", "angle", "torsion")]
        require_positive(self, "min_atoms", "max_atoms", *temperatures)
        if not 0.0 <= self.focus_threshold < 1.0:
            raise ValueError(f"focus_threshold is {self.focus_threshold}, must lie in [0, 1)")
