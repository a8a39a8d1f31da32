"""PaiNN: scalar and vector features."""

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from tutti.models.forcefields.base import ForceField
from tutti.models.forcefields.batch import AtomicBatch
from tutti.models.forcefields.config import ForceFieldConfig, Loss
from tutti.nn.heads import Atomwise, Polarisability, VectorDipole
from tutti.nn.painn import PaiNN
from tutti.nn.pairs import PairGraph

VECTOR_HEADS = {"mu": VectorDipole, "dipole": VectorDipole, "alpha": Polarisability}
"""Heads of the properties that need more than scalars."""


@dataclass(frozen=True)
class Config(ForceFieldConfig):
    """Settings of PaiNN; the defaults are the paper's.

    Attributes:
        channels: features per atom, scalars and vectors alike.
        layers: blocks of message and update.
        n_basis: radial basis functions.
        basis: "bessel" as in the paper, or "gaussian" as in the authors' trainings on rMD17.
    """

    loss: Loss = field(default_factory=lambda: Loss(energy=0.05, forces=0.95))
    channels: int = 128
    layers: int = 3
    n_basis: int = 20
    basis: Literal["bessel", "gaussian"] = "bessel"


class PaiNNForceField(ForceField):
    """Schütt, Unke and Gastegger, ICML 2021 (arXiv:2102.03150)."""

    module = "painn"
    gains_by_compiling = True

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = PaiNN(
            len(config.elements),
            channels=config.channels,
            layers=config.layers,
            n_basis=config.n_basis,
            cutoff=config.cutoff,
            basis=config.basis,
        )
        head = VECTOR_HEADS.get(config.target)
        self.readout = Atomwise(config.channels, nn.SiLU()) if head is None else head(config.channels)

    def atomwise(self, batch: AtomicBatch, graph: PairGraph) -> Tensor:
        """See the base class."""
        scalars, _ = self.network(batch.species, graph)
        return self.readout(scalars)

    def outputs(self, batch: AtomicBatch, graph: PairGraph) -> Tensor:
        """See the base class; dipole moment and polarisability are made of vectors too (section 4)."""
        if self.config.target not in VECTOR_HEADS:
            return super().outputs(batch, graph)
        features = self.network(batch.species, graph)
        return self.scale.mean() * self.readout(*features, batch.centred, batch.structure, len(batch))


MODEL = PaiNNForceField
