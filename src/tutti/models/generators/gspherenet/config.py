"""Configuration of G-SphereNet; the defaults are the published ones (Luo and Ji 2022, and their code)."""

from dataclasses import dataclass
from typing import Literal

from tutti.core.registry import require_positive


@dataclass(frozen=True)
class Config:
    """Everything that a G-SphereNet is made from.

    Attributes:
        elements: symbols that the model knows; carbon, from which molecules begin, is one of them.
        cutoff: Å, of the embedder's edges.
        channels: width of messages and features.
        layers: interactions of the embedder.
        triplet_channels: width in which messages of triplets are summed.
        basis_channels: width to which the bases of distances, angles and torsions are reduced first.
        readout_channels: width of the layers that make features of the sums of messages.
        n_spherical, n_radial: degrees, and radial functions for each, of the bases.
        residuals_before, residuals_after: residual blocks of an interaction before and after its skip.
        heads: of the attention from the local feature to all atoms.
        flow_layers: affine layers of each flow.
        focus_channels: width of the hidden layer that says which atoms are complete.
        dequantisation: what is added to one-hot types is uniform between 0 and this.
        mirrored: whether a molecule and its mirror image count as one (the paper tells them apart): each is
            turned to one handedness, samples are reflected with probability 1/2, torsions are cut between
            planar ones, and what is in line with the focus and its reference is no second reference.
        tolerance: Å, up to which distances count as equal in the order of the atoms and the choice of
            references (the paper has none).
        whole_molecules: whether what says which atoms are complete learns from whole molecules, too, all of
            whose atoms are (published: from their beginnings alone, so that it never sees a complete one).
        noise_variance: Å², of Gaussian noise in training on the atoms that are there already (the paper has
            none); the next one is placed where it is without noise.
    """

    elements: tuple[str, ...] = ("H", "C", "N", "O", "F")
    cutoff: float = 5.0
    channels: int = 128
    layers: int = 4
    triplet_channels: int = 64
    basis_channels: int = 8
    readout_channels: int = 256
    n_spherical: int = 7
    n_radial: int = 6
    residuals_before: int = 1
    residuals_after: int = 2
    heads: int = 4
    flow_layers: int = 6
    focus_channels: int = 128
    dequantisation: float = 0.9
    mirrored: bool = False
    tolerance: float = 0.0
    whole_molecules: bool = False
    noise_variance: float = 0.0

    def __post_init__(self) -> None:
        if self.channels % self.heads:
            raise ValueError(f"channels {self.channels} is no multiple of heads {self.heads}")
        if not 0.0 < self.dequantisation < 1.0:
            raise ValueError(f"dequantisation is {self.dequantisation}, must lie between 0 and 1")
        if "C" not in self.elements:
            raise ValueError(f"elements {self.elements} have no carbon, from which G-SphereNet begins")


@dataclass(frozen=True)
class Sampling:
    """Settings of sampling.

    Attributes:
        max_atoms: a molecule that has not stopped by then is returned as unfinished.
        focus_threshold: an atom other than hydrogen is open while the probability that it is complete is
            below this; at 0 none is.
        focus: whether the focus is drawn among the open atoms uniformly, or in proportion to the
            probabilities that they are not complete.
        type_temperature, distance_temperature, angle_temperature, torsion_temperature: standard deviations of
            the Gaussians that the flows turn into the next atom's coordinates.
    """

    max_atoms: int = 35
    focus_threshold: float = 0.5
    focus: Literal["uniform", "probability"] = "uniform"
    type_temperature: float = 0.5
    distance_temperature: float = 0.3
    angle_temperature: float = 0.4
    torsion_temperature: float = 1.0

    def __post_init__(self) -> None:
        temperatures = [f"{name}_temperature" for name in ("type", "distance", "angle", "torsion")]
        require_positive(self, "max_atoms", *temperatures)
        if not 0.0 <= self.focus_threshold <= 1.0:
            raise ValueError(f"focus_threshold is {self.focus_threshold}, must lie in [0, 1]")
